//! The list of tools: name, words, schemas, scope and handler of each, once.

use std::{
    sync::{Arc, LazyLock},
    time::Instant,
};

use futures::future::BoxFuture;
use picard_app::{Access, App};
use picard_domain::Scope;
use picard_metrics::{Outcome, Surface as Counted};
use serde_json::Value;

use super::{connector, handlers, input, output};
use crate::problem::Problem;

/// What tools work with.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) app: Arc<App>,
    /// The address of the web client, where a memory has a page for people.
    pub(crate) web_url: Option<Arc<str>>,
}

/// Where a tool is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Over REST, in its descriptions, and over MCP.
    Everywhere,
    /// Over MCP alone: the names that generic connectors look for.
    McpOnly,
}

/// What a call does to the memories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Reads,
    /// Another call adds another one.
    Adds,
    /// The same call again changes nothing more.
    Changes,
    /// Something is gone for good; the same call again changes nothing more.
    Deletes,
}

/// One tool.
pub(crate) struct Tool {
    /// The name on the wire: `[a-z_]`, at most 40 characters.
    pub(crate) name: &'static str,
    /// The name for people.
    pub(crate) title: &'static str,
    /// What it does, for models and people.
    pub(crate) description: &'static str,
    /// The scope that a token needs for it.
    pub(crate) scope: Scope,
    /// What it does to the memories.
    pub(crate) effect: Effect,
    /// Where it is offered.
    pub(crate) surface: Surface,
    /// The JSON Schema of `data`.
    pub(crate) input: Value,
    /// The JSON Schema of the result.
    pub(crate) output: Value,
    pub(super) handler: Handler,
}

pub(super) type Handler = fn(Context, Access, Value) -> BoxFuture<'static, Result<Value, Problem>>;

impl Tool {
    /// Checks the scope and the input, and runs the tool.
    pub(crate) async fn call(
        &self,
        context: Context,
        access: Access,
        data: Value,
    ) -> Result<Value, Problem> {
        picard_observe::tool(self.name);
        let (app, surface, began) = (context.app.clone(), surface(&access), Instant::now());
        let done = self.run(context, access, data).await;
        let outcome = match &done {
            Ok(_) => Outcome::Ok,
            Err(problem) if problem.is_ours() => Outcome::Failed,
            Err(_) => Outcome::Rejected,
        };
        let tools = &app.metrics().tools;
        tools.called(self.name, surface, outcome, began.elapsed());
        done
    }

    async fn run(&self, context: Context, access: Access, data: Value) -> Result<Value, Problem> {
        if !access.scopes.allows(self.scope) {
            return Err(Problem::insufficient_scope(self.scope, access.scopes));
        }
        input::check_names(&self.input, &data)?;
        (self.handler)(context, access.called(self.name), data).await
    }
}

/// Over what a tool is called, to be counted.
fn surface(access: &Access) -> Counted {
    match access.surface() {
        picard_app::Surface::Mcp => Counted::Mcp,
        picard_app::Surface::Stdio => Counted::Stdio,
        // Neither pages nor commands call tools.
        _ => Counted::Rest,
    }
}

/// All tools, in the order in which they are listed: what MCP offers.
pub(crate) fn all() -> &'static [Tool] {
    static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(build);
    &TOOLS
}

/// The tools of REST.
pub(crate) fn rest() -> impl Iterator<Item = &'static Tool> + Clone {
    all()
        .iter()
        .filter(|tool| tool.surface == Surface::Everywhere)
}

/// Finds a tool of MCP.
pub(crate) fn find(name: &str) -> Option<&'static Tool> {
    all().iter().find(|tool| tool.name == name)
}

/// Finds a tool of REST by its name or by the name that the reference's client uses.
pub(crate) fn find_rest(name: &str) -> Option<&'static Tool> {
    let name = if name == "retrieve_memories" {
        "get_memories"
    } else {
        name
    };
    rest().find(|tool| tool.name == name)
}

fn build() -> Vec<Tool> {
    vec![
        Tool {
            name: "submit_memory",
            title: "Remember",
            description: "Stores one memory of the person: a self-contained statement worth \
                keeping across conversations. Private unless permission says \"public\"; an \
                expiration_date ends its validity.",
            scope: Scope::Write,
            effect: Effect::Adds,
            surface: Surface::Everywhere,
            input: input::schema::<input::SubmitMemory>(),
            output: input::schema::<output::MemoryView>(),
            handler: |on, access, data| Box::pin(handlers::submit_memory(on.app, access, data)),
        },
        Tool {
            name: "get_memories",
            title: "List memories",
            description: "Lists the person's memories, newest first, by permission and \
                expiration, a page at a time; or returns the one with memory_id. With user_id, \
                another person's public memories.",
            scope: Scope::Read,
            effect: Effect::Reads,
            surface: Surface::Everywhere,
            input: input::schema::<input::GetMemories>(),
            output: input::schema::<output::MemoryPageView>(),
            handler: |on, access, data| Box::pin(handlers::get_memories(on.app, access, data)),
        },
        Tool {
            name: "update_memory",
            title: "Change a memory",
            description: "Changes the text, permission or expiration_date of one memory; what \
                is not sent stays, and null clears the expiration_date.",
            scope: Scope::Write,
            effect: Effect::Changes,
            surface: Surface::Everywhere,
            input: input::schema::<input::UpdateMemory>(),
            output: input::schema::<output::MemoryView>(),
            handler: |on, access, data| Box::pin(handlers::update_memory(on.app, access, data)),
        },
        Tool {
            name: "modify_permissions",
            title: "Make private or public",
            description: "Makes one memory private (only its owner) or public (whoever queries \
                the owner's persona).",
            scope: Scope::Write,
            effect: Effect::Changes,
            surface: Surface::Everywhere,
            input: input::schema::<input::ModifyPermissions>(),
            output: input::schema::<output::MemoryView>(),
            handler: |on, access, data| {
                Box::pin(handlers::modify_permissions(on.app, access, data))
            },
        },
        Tool {
            name: "delete_memory",
            title: "Forget",
            description: "Deletes one memory for good.",
            scope: Scope::Write,
            effect: Effect::Deletes,
            surface: Surface::Everywhere,
            input: input::schema::<input::DeleteMemory>(),
            output: input::schema::<output::DeletedView>(),
            handler: |on, access, data| Box::pin(handlers::delete_memory(on.app, access, data)),
        },
        Tool {
            name: "query_memory",
            title: "Find by meaning",
            description: "Finds the person's memories that fit a question best, by meaning and \
                by words, in any language; never expired ones. The limit is filled up: below a \
                score of 0.25 a memory hardly fits, and a close one need not be the answer.",
            scope: Scope::Read,
            effect: Effect::Reads,
            surface: Surface::Everywhere,
            input: input::schema::<input::QueryMemory>(),
            output: input::schema::<output::QueryMemoryView>(),
            handler: |on, access, data| Box::pin(handlers::query_memory(on.app, access, data)),
        },
        Tool {
            name: "query_user",
            title: "Ask a persona",
            description: "Returns what a persona knows: one's own (private and public memories) \
                or another person's (public only), never expired ones: the best answers to the \
                prompt first. With a limit those that together tell most; else all of them.",
            scope: Scope::Read,
            effect: Effect::Reads,
            surface: Surface::Everywhere,
            input: input::schema::<input::QueryUser>(),
            output: input::schema::<output::PersonaView>(),
            handler: |on, access, data| Box::pin(handlers::query_user(on.app, access, data)),
        },
        Tool {
            name: "search",
            title: "Search",
            description: "Like query_memory, in the form of generic connectors: ids and titles \
                for fetch.",
            scope: Scope::Read,
            effect: Effect::Reads,
            surface: Surface::McpOnly,
            input: input::schema::<connector::Search>(),
            output: input::schema::<connector::SearchView>(),
            handler: |on, access, data| Box::pin(connector::search(on, access, data)),
        },
        Tool {
            name: "fetch",
            title: "Fetch",
            description: "Returns the whole text of one result of search.",
            scope: Scope::Read,
            effect: Effect::Reads,
            surface: Surface::McpOnly,
            input: input::schema::<connector::Fetch>(),
            output: input::schema::<connector::DocumentView>(),
            handler: |on, access, data| Box::pin(connector::fetch(on, access, data)),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain_and_unique() {
        let mut names: Vec<_> = all().iter().map(|tool| tool.name).collect();
        assert!(
            names.iter().all(|name| name.len() <= 40
                && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        );
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 9);
    }

    #[test]
    fn rest_has_the_seven_and_not_those_of_generic_connectors() {
        assert_eq!(rest().count(), 7);
        assert!(find("search").is_some() && find_rest("search").is_none());
        assert!(find("fetch").is_some() && find_rest("fetch").is_none());
    }

    #[test]
    fn what_needs_only_the_read_scope_changes_nothing() {
        for tool in all() {
            let reads = tool.effect == Effect::Reads;
            assert_eq!(reads, tool.scope == Scope::Read, "{}", tool.name);
        }
    }

    #[test]
    fn the_reference_clients_name_of_the_list_works() {
        assert_eq!(
            find_rest("retrieve_memories").map(|tool| tool.name),
            Some("get_memories")
        );
        assert!(find_rest("drop_table").is_none());
    }
}
