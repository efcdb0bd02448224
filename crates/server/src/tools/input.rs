//! What the tools take: one struct each, from which come the JSON Schema, the
//! check of names and the parsing.

use picard_app::ExpirationChange;
use picard_domain::{Expired, Instant, MemoryId, Permission};
use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::problem::{FieldError, Problem};

/// `data` of `submit_memory`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct SubmitMemory {
    /// What to remember: up to 64 KiB.
    #[schemars(length(min = 1, max = 65536))]
    pub(super) text: String,
    /// Who may read it; private unless said otherwise.
    #[serde(default)]
    #[schemars(with = "PermissionWord")]
    pub(super) permission: Permission,
    /// Until when it holds: ISO 8601 with an offset; a bare date means the end of that day in UTC.
    #[schemars(with = "Option<String>")]
    pub(super) expiration_date: Option<Instant>,
}

/// `data` of `get_memories`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct GetMemories {
    /// Only this memory; then no other field may be sent.
    #[schemars(with = "Option<uuid::Uuid>")]
    pub(super) memory_id: Option<MemoryId>,
    /// Only memories with this permission.
    #[schemars(with = "Option<PermissionWord>")]
    pub(super) permission: Option<Permission>,
    /// What to do with expired memories; excluded unless said otherwise.
    #[schemars(with = "Option<ExpiredWord>")]
    pub(super) expired: Option<Expired>,
    /// Only what expires before this instant, or before this day (UTC).
    #[serde(default, deserialize_with = "edge")]
    #[schemars(with = "Option<String>")]
    pub(super) expires_before: Option<Instant>,
    /// Only what expires at or after this instant, or on this day (UTC) or later.
    #[serde(default, deserialize_with = "edge")]
    #[schemars(with = "Option<String>")]
    pub(super) expires_after: Option<Instant>,
    /// Another person, by UUID or handle: their public memories.
    pub(super) user_id: Option<String>,
    /// How many at most: 1 to 200, 50 unless said otherwise.
    #[schemars(range(min = 1, max = 200))]
    pub(super) limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

/// `data` of `update_memory`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct UpdateMemory {
    /// Which memory.
    #[schemars(with = "uuid::Uuid")]
    pub(super) memory_id: MemoryId,
    /// The new text.
    #[schemars(length(min = 1, max = 65536))]
    pub(super) text: Option<String>,
    /// Who may read it.
    #[schemars(with = "Option<PermissionWord>")]
    pub(super) permission: Option<Permission>,
    /// Until when it holds; null clears it, an instant in the past ends it now.
    #[serde(default, deserialize_with = "expiration_change")]
    #[schemars(with = "Option<String>")]
    pub(super) expiration_date: ExpirationChange,
    /// `updated_at` as last read: when the memory was changed since, nothing is done (409).
    #[schemars(with = "Option<String>")]
    pub(super) expected_updated_at: Option<Instant>,
}

/// `data` of `modify_permissions`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ModifyPermissions {
    /// Which memory.
    #[schemars(with = "uuid::Uuid")]
    pub(super) memory_id: MemoryId,
    /// Who may read it from now on.
    #[schemars(with = "PermissionWord")]
    pub(super) permission: Permission,
}

/// `data` of `delete_memory`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct DeleteMemory {
    /// Which memory.
    #[schemars(with = "uuid::Uuid")]
    pub(super) memory_id: MemoryId,
}

/// `data` of `query_memory`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct QueryMemory {
    /// What to look for, in words. Conditions, where they must hold exactly: "exact phrase", -word, permission:public, before:2025-01-31 and after:2025-01-31 (when it was stored).
    #[schemars(length(min = 1, max = 65536))]
    pub(super) query: String,
    /// How many at most: 1 to 100, 10 unless said otherwise.
    #[schemars(range(min = 1, max = 100))]
    pub(super) limit: Option<i64>,
    /// Only memories with this permission.
    #[schemars(with = "Option<PermissionWord>")]
    pub(super) permission: Option<Permission>,
    /// Only what expires before this instant, or before this day (UTC).
    #[serde(default, deserialize_with = "edge")]
    #[schemars(with = "Option<String>")]
    pub(super) expires_before: Option<Instant>,
    /// Only what expires at or after this instant, or on this day (UTC) or later.
    #[serde(default, deserialize_with = "edge")]
    #[schemars(with = "Option<String>")]
    pub(super) expires_after: Option<Instant>,
}

/// `data` of `query_user`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct QueryUser {
    /// Whose persona: a handle or a UUID; the person's own is the `user_id` of their memories.
    pub(super) user_id: String,
    /// What to ask, in words, with conditions as in `query_memory`.
    #[schemars(length(min = 1, max = 65536))]
    pub(super) prompt: Option<String>,
    /// How many at most: 1 to 1000; all unless said otherwise.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) limit: Option<i64>,
}

// The words of `Permission`, for the schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum PermissionWord {
    Private,
    Public,
}

// The words of `Expired`, for the schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "only its schema is used")]
enum ExpiredWord {
    Exclude,
    Include,
    Only,
}

/// Tells null, which clears the date, from an absent field, which keeps it.
fn expiration_change<'de, D: Deserializer<'de>>(from: D) -> Result<ExpirationChange, D::Error> {
    let date = Option::deserialize(from)?;
    Ok(date.map_or(ExpirationChange::Clear, ExpirationChange::Set))
}

/// Reads an edge of a filter. A bare date is the instant at which the day
/// begins, so that what expires on a day is "after" this day and "before" the next.
fn edge<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Instant>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    let begins = format!("{text}T00:00:00Z").parse();
    begins
        .or_else(|_| text.parse())
        .map(Some)
        .map_err(de::Error::custom)
}

/// Returns the JSON Schema (2020-12) of a type, with everything in place.
pub(super) fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        settings
            .transforms
            .push(Box::new(RecursiveTransform(shorten)));
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    for noise in ["title", "description"] {
        schema.remove(noise);
    }
    schema.to_value()
}

/// Leaves out what tells nothing: models pay for each word. How wide a number
/// is in Rust is nobody's business, and no field has a default of null.
fn shorten(schema: &mut Schema) {
    if schema.get("format").is_some_and(|format| format != "uuid") {
        schema.remove("format");
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
}

/// Checks the names in `data` against the schema: every unknown and every
/// missing field is told, all at once.
pub(super) fn check_names(schema: &Value, data: &Value) -> Result<(), Problem> {
    let Value::Object(data) = data else {
        return Err(Problem::field("data", "must be an object"));
    };
    let known = schema["properties"].as_object();
    let unknown = data
        .keys()
        .filter(|name| !known.is_some_and(|known| known.contains_key(*name)));
    let required = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let missing = required.filter(|name| !data.contains_key(*name));
    let errors: Vec<_> = unknown
        .map(|name| FieldError::new(name, "is not a field of this tool"))
        .chain(missing.map(|name| FieldError::new(name, "is missing")))
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(errors))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::json::typed;

    fn refused<T: JsonSchema + DeserializeOwned>(data: &Value) -> Vec<String> {
        let result =
            check_names(&schema::<T>(), data).and_then(|()| typed::<T>(data.clone()).map(drop));
        let Err(problem) = result else {
            return Vec::new();
        };
        let mut fields: Vec<_> = problem
            .errors
            .into_iter()
            .map(|error| error.field)
            .collect();
        fields.sort();
        fields
    }

    #[test]
    fn unknown_and_missing_fields_are_named_together() {
        assert_eq!(
            refused::<SubmitMemory>(&json!({"txt": "a", "colour": 1})),
            ["colour", "text", "txt"]
        );
        assert_eq!(refused::<SubmitMemory>(&json!([])), ["data"]);
    }

    #[test]
    fn a_value_of_the_wrong_form_is_named() {
        assert_eq!(refused::<SubmitMemory>(&json!({"text": 7})), ["text"]);
        for date in ["2025-13-45", "tomorrow"] {
            let data = json!({"text": "a", "expiration_date": date});
            assert_eq!(refused::<SubmitMemory>(&data), ["expiration_date"]);
        }
        assert_eq!(
            refused::<SubmitMemory>(&json!({"text": "a", "permission": "secret"})),
            ["permission"]
        );
        assert_eq!(
            refused::<DeleteMemory>(&json!({"memory_id": "7"})),
            ["memory_id"]
        );
    }

    #[test]
    fn what_expires_on_a_day_is_after_the_day_and_before_the_next() {
        let data = json!({"expires_after": "2026-12-31", "expires_before": "2027-01-01"});
        let filter: GetMemories = typed(data).expect("parses");
        let at = |text: &str| text.parse().ok();
        assert_eq!(filter.expires_after, at("2026-12-31T00:00:00Z"));
        assert_eq!(filter.expires_before, at("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn null_and_absent_differ_for_the_expiration_of_an_update() {
        let id = "018f4e3a-0000-7000-8000-000000000000";
        let null: UpdateMemory =
            typed(json!({"memory_id": id, "expiration_date": null})).expect("parses");
        let absent: UpdateMemory = typed(json!({"memory_id": id})).expect("parses");
        assert_eq!(
            (null.expiration_date, absent.expiration_date),
            (ExpirationChange::Clear, ExpirationChange::Keep)
        );
    }
}
