//! The seven tools over `POST /api/tools`: one method each, and how an answer
//! that is no success becomes an [`Error`].

use picard_domain::{MemoryId, Permission};
use picard_oauth::{ErrorCode, challenge::BearerChallenge};
use reqwest::{StatusCode, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Client, Error, FieldError, Found, ListMemories, Memory, MemoryChange, MemoryPage, NewMemory,
    Persona, PersonaQuery, Query, TokenStore,
    error::Disconnected,
    http::{Answer, Repeat},
    request::{DeleteMemory, ModifyPermissions, OneMemory, UpdateMemory},
};

impl<S: TokenStore> Client<S> {
    /// Stores a memory (`submit_memory`; scope `memories:write`).
    pub async fn submit_memory(&self, memory: &NewMemory<'_>) -> Result<Memory, Error> {
        self.call("submit_memory", Repeat::Never, memory).await
    }

    /// Lists own memories, newest first (`get_memories`; scope `memories:read`).
    pub async fn get_memories(&self, list: &ListMemories) -> Result<MemoryPage, Error> {
        self.call("get_memories", Repeat::Safe, list).await
    }

    /// Reads one memory, expired or not (`get_memories`; scope `memories:read`).
    pub async fn get_memory(&self, memory_id: MemoryId) -> Result<Memory, Error> {
        let one = OneMemory { memory_id };
        let page: MemoryPage = self.call("get_memories", Repeat::Safe, &one).await?;
        page.memories
            .into_iter()
            .find(|memory| memory.id == memory_id)
            .ok_or(Error::NotFound)
    }

    /// Changes a memory (`update_memory`; scope `memories:write`).
    pub async fn update_memory(
        &self,
        memory_id: MemoryId,
        change: &MemoryChange<'_>,
    ) -> Result<Memory, Error> {
        let update = UpdateMemory {
            memory_id,
            change: *change,
        };
        self.call("update_memory", Repeat::Never, &update).await
    }

    /// Makes a memory private or public (`modify_permissions`; scope `memories:write`).
    pub async fn modify_permissions(
        &self,
        memory_id: MemoryId,
        permission: Permission,
    ) -> Result<Memory, Error> {
        let change = ModifyPermissions {
            memory_id,
            permission,
        };
        self.call("modify_permissions", Repeat::Never, &change)
            .await
    }

    /// Deletes a memory for good (`delete_memory`; scope `memories:write`).
    pub async fn delete_memory(&self, memory_id: MemoryId) -> Result<(), Error> {
        let deleted: Deleted = self
            .call("delete_memory", Repeat::Never, &DeleteMemory { memory_id })
            .await?;
        if deleted.deleted && deleted.id == memory_id {
            Ok(())
        } else {
            Err(Error::protocol("a deletion that is not confirmed"))
        }
    }

    /// Finds own memories by meaning, best first (`query_memory`; scope `memories:read`).
    pub async fn query_memory(&self, query: &Query<'_>) -> Result<Found, Error> {
        self.call("query_memory", Repeat::Safe, query).await
    }

    /// Asks for what is known of a person (`query_user`; scope `memories:read`):
    /// private and public memories of oneself, public ones of anybody else.
    pub async fn query_user(&self, query: &PersonaQuery<'_>) -> Result<Persona, Error> {
        self.call("query_user", Repeat::Safe, query).await
    }

    /// Calls one tool; once more with a new token when the server rejects the
    /// one that was sent, since then the call has not been carried out.
    async fn call<T: DeserializeOwned>(
        &self,
        tool: &'static str,
        repeat: Repeat,
        data: &(impl Serialize + Sync),
    ) -> Result<T, Error> {
        let token = self.access_token(None).await?;
        let mut answer = self.post_tool(&token, tool, repeat, data).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            tracing::debug!(tool, "the access token was rejected, renewing it");
            let token = self.access_token(Some(&token)).await?;
            answer = self.post_tool(&token, tool, repeat, data).await?;
        }
        if answer.status == StatusCode::OK {
            serde_json::from_slice(&answer.body)
                .map_err(|_| Error::protocol(format!("the result of {tool} has another shape")))
        } else {
            Err(refusal(&answer))
        }
    }

    async fn post_tool(
        &self,
        token: &crate::Secret,
        tool: &'static str,
        repeat: Repeat,
        data: &(impl Serialize + Sync),
    ) -> Result<Answer, Error> {
        let url = self.server().at("/api/tools");
        let call = Call { tool, data };
        self.http()
            .send(repeat, |http| {
                http.post(&url).bearer_auth(token.expose()).json(&call)
            })
            .await
    }
}

#[derive(Serialize)]
struct Call<'a, D> {
    tool: &'static str,
    data: &'a D,
}

#[derive(Deserialize)]
struct Deleted {
    id: MemoryId,
    deleted: bool,
}

/// A problem document (RFC 9457), as far as a client acts on it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
    errors: Vec<FieldError>,
    request_id: Option<String>,
}

pub(crate) fn refusal(answer: &Answer) -> Error {
    let problem: Problem = serde_json::from_slice(&answer.body).unwrap_or_default();
    match answer.status {
        StatusCode::BAD_REQUEST
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => {
            let Problem {
                title,
                detail,
                errors,
                ..
            } = problem;
            Error::Invalid {
                detail: if detail.is_empty() { title } else { detail },
                errors,
            }
        }
        StatusCode::UNAUTHORIZED => Error::Disconnected(Disconnected::TokenRejected),
        StatusCode::FORBIDDEN => forbidden(answer, problem),
        StatusCode::NOT_FOUND => Error::NotFound,
        StatusCode::CONFLICT => Error::Conflict,
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge,
        StatusCode::TOO_MANY_REQUESTS => Error::RateLimited {
            retry_after: answer.retry_after(),
        },
        StatusCode::SERVICE_UNAVAILABLE => Error::Unavailable,
        status if status.is_server_error() => Error::Failed {
            status: status.as_u16(),
            request_id: problem.request_id,
        },
        status => Error::protocol(format!("a tool answered with status {status}")),
    }
}

/// More scopes help only where the challenge says so (RFC 6750 section 3.1);
/// any other 403 stays one, whatever the person consents to.
fn forbidden(answer: &Answer, problem: Problem) -> Error {
    let challenge = BearerChallenge::find(answer.headers(header::WWW_AUTHENTICATE));
    let lacks = ErrorCode::InsufficientScope.as_str();
    match challenge.filter(|challenge| challenge.error.as_deref() == Some(lacks)) {
        Some(challenge) => Error::InsufficientScope {
            needed: challenge
                .scope
                .and_then(|scope| scope.parse().ok())
                .unwrap_or_default(),
        },
        None => Error::Forbidden {
            detail: [problem.detail, problem.title]
                .into_iter()
                .find(|text| !text.is_empty())
                .unwrap_or_else(|| "it does not say why".to_owned()),
        },
    }
}
