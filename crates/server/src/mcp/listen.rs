//! `subscriptions/listen`: being told when one's own memories change.
//!
//! rmcp acknowledges, tags each message with the subscription and keeps to
//! the types that were accepted; here is what is accepted, and when something
//! is told. A notification names what changed and never says what it is now:
//! whoever wants to know reads it, with the token of that moment.

use std::{collections::HashSet, sync::Arc, time::Duration};

use picard_app::{Access, App, Changed};
use rmcp::{
    ErrorData,
    model::SubscriptionFilter,
    service::{SubscriptionContext, SubscriptionSendError, SubscriptionSink},
};

use super::{
    errors::json_rpc,
    resources::address,
    uri::{RECENT, ResourceUri},
};

/// Addresses that one subscription may watch.
const MOST: usize = 100;

/// How long a client may take to read of one change. While it does, nobody
/// looks whether its token still holds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The part of what a client asks for that is served: changes of the list of
/// resources, and of `memories://…`, which are always the caller's own. Tools
/// and prompts do not change while the server runs.
pub(super) fn accepted(requested: &SubscriptionFilter) -> SubscriptionFilter {
    let mut accepted = SubscriptionFilter::new();
    accepted.resources_list_changed = requested.resources_list_changed;
    let uris = requested.resource_subscriptions.iter().flatten();
    let mut named = HashSet::new();
    let ours: Vec<String> = uris
        .filter(|uri| watched(uri).is_some() && named.insert(uri.as_str()))
        .take(MOST)
        .cloned()
        .collect();
    if !ours.is_empty() {
        accepted.resource_subscriptions = Some(ours);
    }
    accepted
}

/// Tells what changes until the client goes or stops reading, the token ends or
/// the server stops; each of the latter two ends the subscription with its result.
pub(super) async fn run(
    app: &Arc<App>,
    access: &Access,
    context: &SubscriptionContext,
) -> Result<(), ErrorData> {
    let caller = access.authorize().map_err(json_rpc)?;
    let mut watch = app.watch(&caller).map_err(json_rpc)?;
    loop {
        let changed = tokio::select! {
            () = context.cancelled() => return Ok(()),
            changed = watch.next() => changed.map_err(json_rpc)?,
        };
        let Some(changed) = changed else {
            return Ok(());
        };
        let told = tell(context.sink(), &changed);
        if !heard(context.cancelled(), told, PATIENCE).await {
            return Ok(());
        }
    }
}

/// Tells whether the client heard what it was told: an error means that it does
/// not any more, and so does a client that does not read in time.
async fn heard<E>(
    gone: impl Future<Output = ()>,
    told: impl Future<Output = Result<(), E>>,
    patience: Duration,
) -> bool {
    tokio::select! {
        () = gone => false,
        told = tokio::time::timeout(patience, told) => matches!(told, Ok(Ok(()))),
    }
}

async fn tell(sink: &SubscriptionSink, changed: &Changed) -> Result<(), SubscriptionSendError> {
    let accepted = sink.accepted();
    for uri in accepted.resource_subscriptions.iter().flatten() {
        if concerns(changed, uri) {
            sink.notify_resource_updated(uri.clone()).await?;
        }
    }
    if accepted.resources_list_changed == Some(true) {
        sink.notify_resource_list_changed().await?;
    }
    Ok(())
}

fn concerns(changed: &Changed, uri: &str) -> bool {
    match (changed, watched(uri)) {
        (_, None) => false,
        (Changed::Many, Some(_)) => true,
        (Changed::These(ids), Some(address)) => {
            address == RECENT || ids.iter().any(|id| self::address(*id) == address)
        }
    }
}

/// The address in one spelling, if it can be watched.
fn watched(uri: &str) -> Option<String> {
    match ResourceUri::parse(uri)? {
        ResourceUri::Recent => Some(RECENT.to_owned()),
        ResourceUri::Memory(id) => Some(address(id)),
        ResourceUri::Persona(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const ID: &str = "0198c0de-0000-7abc-8def-0123456789ab";

    #[test]
    fn only_changes_of_one_s_own_memories_are_accepted() {
        let mine = format!("memories://{ID}");
        let requested = SubscriptionFilter::builder()
            .tools_list_changed()
            .prompts_list_changed()
            .resources_list_changed()
            .resource_subscriptions([
                mine.as_str(),
                RECENT,
                "users://jean-luc/memories",
                "file:///etc/passwd",
            ])
            .build();
        let accepted = accepted(&requested);
        assert_eq!(accepted.tools_list_changed, None);
        assert_eq!(accepted.prompts_list_changed, None);
        assert_eq!(accepted.resources_list_changed, Some(true));
        let uris = accepted.resource_subscriptions.expect("some");
        assert_eq!(uris, [mine, RECENT.to_owned()]);
    }

    #[test]
    fn a_subscription_watches_so_many_addresses_and_no_more() {
        let uris = (0..200_u128).map(|n| format!("memories://{}", uuid::Uuid::from_u128(n)));
        let requested = SubscriptionFilter::builder()
            .resource_subscriptions(uris)
            .build();
        let uris = accepted(&requested).resource_subscriptions;
        assert_eq!(uris.map(|uris| uris.len()), Some(MOST));
    }

    #[test]
    fn an_address_that_is_named_twice_is_told_of_once() {
        let requested = SubscriptionFilter::builder()
            .resource_subscriptions([RECENT, RECENT].map(str::to_owned))
            .build();
        let uris = accepted(&requested).resource_subscriptions;
        assert_eq!(uris, Some(vec![RECENT.to_owned()]));
    }

    #[test]
    fn an_address_is_told_of_in_the_spelling_in_which_it_was_asked_for() {
        let changed = Changed::These(vec![ID.parse().expect("an id")]);
        let shouted = format!("memories://{}", ID.to_uppercase());
        assert!(concerns(&changed, &shouted));
        assert!(concerns(&changed, RECENT));
        let another = "memories://00000000-0000-7000-8000-000000000000";
        assert!(!concerns(&changed, another));
        assert!(concerns(&Changed::Many, another));
    }

    #[tokio::test]
    async fn who_does_not_read_is_waited_for_so_long_and_no_longer() {
        const SHORT: Duration = Duration::from_millis(1);
        let stuck = pending::<Result<(), ()>>;
        assert!(heard(pending(), ready(Ok::<_, ()>(())), PATIENCE).await);
        assert!(!heard(pending(), ready(Err(())), PATIENCE).await);
        assert!(!heard(ready(()), stuck(), PATIENCE).await);
        assert!(!heard(pending(), stuck(), SHORT).await);
    }
}
