//! Entries of the audit trail in words, for pages and the command line.

use picard_store::audit::{Act, Entry, Surface};

/// Says what was done: `Searched by meaning: 12 memories, 3 times`.
pub fn activity_in_words(entry: &Entry) -> String {
    let words = match (entry.act, &entry.subject_name, entry.subject_id) {
        (Act::Called, ..) => called(entry),
        (act, Some(name), _) => format!("{} @{name}", done_to(act)),
        (act, None, Some(_)) => format!("{} somebody who is gone", done_to(act)),
        (act, None, None) => format!("{}{}", done(act), by(entry)),
    };
    let found = match entry.memories {
        None => String::new(),
        Some(0) => ": nothing found".to_owned(),
        Some(1) => ": 1 memory".to_owned(),
        Some(many) => format!(": {many} memories"),
    };
    let times = match entry.times {
        1 => String::new(),
        times => format!(", {times} times"),
    };
    format!("{words}{found}{times}")
}

/// Says through what it was done: the application, or the way it came.
pub fn way_in_words(entry: &Entry) -> String {
    let way = match entry.surface {
        Surface::Page => "the pages of this server",
        Surface::OAuth => "OAuth",
        Surface::Rest => "the API",
        Surface::Mcp => "MCP",
        Surface::Stdio => "an assistant on the server's machine",
        Surface::Command => "the command line of the server",
        Surface::Unknown => "a way that this version does not know",
    };
    match (&entry.client_name, entry.client_id) {
        (Some(name), _) => name.clone(),
        (None, Some(_)) => "an application that is not known any more".to_owned(),
        (None, None) => way.to_owned(),
    }
}

fn called(entry: &Entry) -> String {
    let other = match (&entry.subject_name, entry.subject_id) {
        (Some(name), _) => Some(format!("@{name}")),
        (None, Some(_)) => Some("somebody who is gone".to_owned()),
        (None, None) => None,
    };
    let tool = entry.tool.as_deref().unwrap_or_default();
    match (tool, other) {
        (_, Some(other)) => format!("Asked the persona of {other}"),
        ("submit_memory", _) => "Stored a memory".to_owned(),
        ("update_memory", _) => "Changed a memory".to_owned(),
        ("modify_permissions", _) => "Changed who may read a memory".to_owned(),
        ("delete_memory", _) => "Deleted a memory".to_owned(),
        ("get_memories", _) => "Listed memories".to_owned(),
        ("query_memory" | "search", _) => "Searched by meaning".to_owned(),
        ("query_user", _) => "Asked your own persona".to_owned(),
        ("fetch", _) => "Read a memory".to_owned(),
        ("resources/list", _) => "Listed memories as resources".to_owned(),
        ("resources/read", _) => "Read memories as a resource".to_owned(),
        ("prompts/get", _) => "Put memories into a prompt".to_owned(),
        ("completion/complete", _) => "Looked memories up while typing".to_owned(),
        ("export", _) => "Exported memories".to_owned(),
        ("import", _) => "Imported memories".to_owned(),
        (other, _) => format!("Called {other}"),
    }
}

/// What was done, as the one to whom it was done reads it.
fn done(act: Act) -> &'static str {
    match act {
        Act::SignedUp => "The account was made",
        Act::LoggedIn => "Logged in",
        Act::LogInFailed => "Somebody tried a wrong password",
        Act::LoggedOut => "Logged out",
        Act::SessionEnded => "A browser was logged out from elsewhere",
        Act::PasswordChanged => "The password was changed; everything else was logged out",
        Act::PasswordSet => "The account got a new password",
        Act::Renamed => "The name was changed",
        Act::ConsentGiven => "Access was allowed",
        Act::ConsentDenied => "Access was refused",
        Act::AccessRevoked => "Access was taken away",
        Act::TokenIssued => "Connected",
        Act::TokenReused => "Access was taken away: a refresh token was used twice",
        Act::CodeReused => "Access was taken away: an authorization code was used twice",
        Act::Called => "Called",
        Act::PersonaAsked => "Your public memories were read",
        Act::Disabled => "The account was locked",
        Act::Enabled => "The account was unlocked",
        Act::AdminGiven => "Became an administrator",
        Act::AdminTaken => "Is no administrator any more",
        Act::AccountDeleted => "Deleted an account",
        Act::ClientRegistered => "Registered an application",
        Act::ClientDeleted => "Deleted an application",
        Act::Unknown => "Something that this version does not know",
    }
}

/// What was done, as the administrator who did it reads it: a handle follows.
fn done_to(act: Act) -> &'static str {
    match act {
        Act::PasswordSet => "Gave a new password to",
        Act::AccessRevoked => "Took an application's access away from",
        Act::SessionEnded => "Logged out all browsers of",
        Act::Disabled => "Locked the account of",
        Act::Enabled => "Unlocked the account of",
        Act::AdminGiven => "Made an administrator of",
        Act::AdminTaken => "Took the rights of an administrator from",
        Act::AccountDeleted => "Deleted the account of",
        _ => "Did something to the account of",
    }
}

/// Who did it, when it was not the person.
fn by(entry: &Entry) -> String {
    match (&entry.actor_name, entry.actor_id, entry.surface) {
        (Some(name), ..) => format!(" by @{name}"),
        (None, Some(_), _) => " by somebody who is gone".to_owned(),
        (None, None, Surface::Command) => " by the operator".to_owned(),
        (None, None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picard_domain::{EventId, Instant, UserId};
    use uuid::Uuid;

    fn entry(act: Act, surface: Surface) -> Entry {
        let at = Instant::from_micros(0);
        Entry {
            id: EventId::from_uuid(Uuid::nil()),
            act,
            surface,
            at,
            last_at: at,
            times: 1,
            client_id: None,
            client_name: None,
            tool: None,
            memories: None,
            memory_id: None,
            actor_id: None,
            actor_name: None,
            subject_id: None,
            subject_name: None,
            browser: None,
        }
    }

    #[test]
    fn an_act_is_told_from_the_side_of_whose_trail_it_is() {
        let mut locked = entry(Act::Disabled, Surface::Page);
        locked.actor_name = Some("riker".to_owned());
        assert_eq!(
            activity_in_words(&locked),
            "The account was locked by @riker"
        );
        let mut own = entry(Act::Disabled, Surface::Page);
        own.subject_name = Some("ana".to_owned());
        assert_eq!(activity_in_words(&own), "Locked the account of @ana");
        let command = entry(Act::PasswordSet, Surface::Command);
        let words = activity_in_words(&command);
        assert_eq!(words, "The account got a new password by the operator");
    }

    #[test]
    fn reads_are_counted_and_somebody_who_is_gone_has_no_name() {
        let mut read = entry(Act::Called, Surface::Mcp);
        read.tool = Some("query_memory".to_owned());
        (read.memories, read.times) = (Some(12), 3);
        let words = activity_in_words(&read);
        assert_eq!(words, "Searched by meaning: 12 memories, 3 times");
        read.subject_id = Some(UserId::from_uuid(Uuid::nil()));
        assert!(activity_in_words(&read).starts_with("Asked the persona of somebody who is gone"));
    }
}
