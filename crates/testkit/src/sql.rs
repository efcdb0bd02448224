//! What SQL of ours does without.

/// Words and signs of features that not every database has, or that would bind one
/// service's nodes together.
pub const NOT_EVERYWHERE: [&str; 20] = [
    "skip locked",
    "for update",
    "for share",
    "advisory",
    "listen ",
    "notify ",
    "nextval",
    "sequence",
    "serial",
    "autoincrement",
    "trigger",
    "json",
    "->",
    "array",
    "unnest",
    "now()",
    "current_timestamp",
    "strftime",
    "offset",
    "select *",
];
