//! What comes of a person's rows.

use picard_domain::{Instant, MemoryFilter, Permission};
use picard_search::{Analysis, Codes, Conditions, Partition, Query, Ranking};
use picard_testkit::SeededEntropy;
use uuid::Uuid;

use super::*;

const TEXT: &str = "Jean-Luc drinks Earl Grey, hot.";
const VECTOR: [f32; 2] = [0.6, 0.8];

fn reader() -> Reader {
    Reader {
        user: UserId::from_uuid(Uuid::nil()),
        key: Arc::new(DataKey::generate(&SeededEntropy::default())),
        model: "tiny".to_owned(),
        dimensions: 2,
        preparer: Preparer::new(2),
        previous: Arc::new(Previous::new(Vec::new(), Arc::default())),
        earlier: OnceLock::new(),
    }
}

/// A row with these bytes beside its text.
fn row(reader: &Reader, stored: &[u8]) -> Change {
    let id = MemoryId::from_uuid(Uuid::nil());
    let bound = bound_to(reader.user, id);
    Change {
        id,
        permission: Permission::Private,
        expiration_date: None,
        created_at: Instant::from_micros(0),
        revision: 1,
        model: None,
        sealed: Some(reader.key.seal(&SeededEntropy::new(7), &bound, stored)),
    }
}

fn analysed(text: &str) -> Vec<u8> {
    let analysis = Analysis::of(text, Instant::from_micros(0));
    Stored::write(&[VECTOR.to_vec()], &analysis).to_vec()
}

/// What is found by a word, and what by a vector, of a partition of this row.
fn found(reader: &Reader, row: &Change, text: Option<&str>) -> Option<[usize; 2]> {
    let mut partition = Partition::of(reader.preparer.clone());
    let (id, prepared, _) = reader.open(row, text).expect("it is sealed for here")?;
    partition.put(id, prepared);
    let found = |text, vector| {
        let query = Query {
            text,
            vector,
            filter: MemoryFilter::default(),
            conditions: Conditions::none(),
            now: Instant::from_micros(1),
            limit: 10,
            ranking: &Ranking::PRODUCT,
        };
        partition.query(&query).len()
    };
    Some([found("grey", &[]), found("", &VECTOR)])
}

#[test]
fn a_load_needs_no_text() {
    let reader = reader();
    let row = row(&reader, &analysed(TEXT));
    assert_eq!(found(&reader, &row, None), Some([1, 1]));
}

#[test]
fn what_another_version_stored_is_found_by_its_text() {
    let reader = reader();
    let codes = Codes::of(&[VECTOR.to_vec()], 2);
    let codes = codes.rows().flatten().map(|code| code.cast_unsigned());
    let rounded: Vec<u8> = [1].into_iter().chain(codes).chain([0, 0]).collect();
    let floats: Vec<u8> = VECTOR.iter().flat_map(|x| x.to_le_bytes()).collect();
    // A later version of the analysis: its first byte, behind what says that it is there.
    let mut later = analysed("other words");
    later[5] += 1;
    for stored in [rounded, floats, later] {
        let row = row(&reader, &stored);
        assert_eq!(found(&reader, &row, None), None);
        assert_eq!(found(&reader, &row, Some(TEXT)), Some([1, 1]), "{stored:?}");
    }
}

#[test]
fn a_row_that_was_put_in_the_place_of_another_is_not_read() {
    let reader = reader();
    let mut row = row(&reader, &analysed(TEXT));
    row.id = MemoryId::from_uuid(Uuid::from_u128(2));
    assert!(reader.open(&row, None).is_err());
}

#[test]
fn stretches_of_long_texts_have_few_rows_and_grow_again_slowly() {
    let mut pace = Pace::default();
    for rows in [512, 1024, AT_ONCE, AT_ONCE] {
        pace.take(pace.rows(), pace.rows() * 500);
        assert_eq!(pace.rows(), rows);
    }
    pace.take(AT_ONCE, AT_ONCE * 90_000);
    assert_eq!(pace.rows(), 11);
    pace.take(1, 20 << 20);
    assert_eq!(pace.rows(), 1);
    let rows: Vec<usize> = std::iter::repeat_with(|| {
        pace.take(pace.rows(), pace.rows() * 500);
        pace.rows()
    })
    .take(10)
    .collect();
    assert_eq!(rows, [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]);
    pace.take(0, 0);
    assert!(pace.rows() > 0);
}
