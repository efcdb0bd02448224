//! Which models embedded memories, and which of these are to be embedded again.

use crate::{common::*, habits};
use picard_sql::Query;
use picard_store::{
    Db,
    memories::{NO_MODEL, NewMemory, SealedVectors},
    outdated,
};
use picard_testkit::databases;

/// Memories by their owner and their number.
type Place = (u128, u128);

async fn listed(db: &Db, model: &str, after: Place, limit: usize) -> Vec<Place> {
    let after = (user_id(after.0), memory_id(after.1));
    let listed = outdated::list(db, model, after, limit).await;
    let listed = listed.expect("listed").into_iter();
    let place = |each: outdated::Outdated| (each.user_id.uuid(), each.id.uuid());
    let numbers = listed.map(place);
    numbers.map(|(a, b)| (a.as_u128(), b.as_u128())).collect()
}

#[tokio::test]
async fn memories_are_told_by_the_model_that_embedded_them() {
    databases(async |database| {
        let db = migrated(database).await;
        assert_eq!(outdated::models(&db).await.expect("counted"), []);
        for (n, name) in [(1, "ana"), (2, "bob"), (3, "cleo")] {
            person(&db, n, name).await;
        }
        for (user, n, model) in [
            (1, 1, "e5"),
            (1, 2, NO_MODEL),
            (2, 3, "tiny"),
            (2, 4, NO_MODEL),
            (3, 1, NO_MODEL),
        ] {
            let sealed = b"sealed";
            let new = NewMemory {
                vectors: SealedVectors { model, sealed },
                ..memory(user_id(user), n, at(0))
            };
            submit(&db, new).await;
        }
        let models = outdated::models(&db).await.expect("counted");
        let models: Vec<_> = models.iter().map(|(name, n)| (&**name, *n)).collect();
        assert_eq!(models, [(NO_MODEL, 3), ("e5", 1), ("tiny", 1)]);
        assert_eq!(listed(&db, NO_MODEL, (0, 0), 2).await, [(1, 2), (2, 4)]);
        assert_eq!(listed(&db, NO_MODEL, (2, 4), 2).await, [(3, 1)]);
        assert_eq!(listed(&db, "e5", (0, 0), 9).await, [(1, 1)]);
        db.close().await;
    })
    .await;
}

/// Their sealed vectors are nearly all that a large database is made of.
#[tokio::test]
async fn whose_vectors_a_model_made_is_asked_of_an_index() {
    databases(async |database| {
        let db = migrated(database).await;
        person(&db, 1, "ana").await;
        // A hundred are of the model before.
        let many: &[&str] =
            if is_sqlite(database) {
                &["WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
               INSERT INTO vectors SELECT u.id, randomblob(16), 'e5/' || (i % 80 > 0), zeroblob(430)
               FROM n JOIN users u"]
            } else {
                &[
                    "INSERT INTO vectors SELECT u.id, gen_random_uuid(), 'e5/' || LEAST(i % 80, 1),
                        decode(repeat('00', 430), 'hex')
                 FROM generate_series(1, 8000) i CROSS JOIN users u",
                    "ANALYZE vectors",
                ]
            };
        let memories = "INSERT INTO memories
                        SELECT user_id, memory_id, 'private', NULL, 0, 0,
                               ROW_NUMBER() OVER (ORDER BY memory_id), 'x'
                        FROM vectors";
        for statement in many.iter().copied().chain([memories]) {
            db.execute(Query::new(statement)).await.expect("done");
        }
        if !is_sqlite(database) {
            let analyze = Query::new("ANALYZE memories");
            db.execute(analyze).await.expect("done");
        }
        let statements = habits::statements().into_iter();
        let statements: Vec<_> = statements
            .filter(|(file, text)| file == "outdated.rs" && text.starts_with("SELECT"))
            .collect();
        assert_eq!(statements.len(), 4, "names twice, a count and a list");
        let nobody = if is_sqlite(database) {
            "zeroblob(16)"
        } else {
            "'00000000-0000-0000-0000-000000000000'"
        };
        for (_, statement) in statements {
            let asked = statement
                .replace("LIMIT $2", "LIMIT 1000000")
                .replace("$1", "'e5/0'")
                .replace("$2", nobody)
                .replace("$3", nobody)
                .replace("$4", "64");
            let plan = plan(database, &db, &asked).await;
            assert!(plan.contains("vectors_model"), "{asked}\n{plan}");
            for walk in ["Seq Scan on vectors", "vectors_pkey", "SCAN vectors"] {
                assert!(!plan.contains(walk), "{asked}\n{plan}");
            }
        }
        db.close().await;
    })
    .await;
}
