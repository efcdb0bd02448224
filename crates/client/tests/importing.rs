//! The client brings many memories in: in parts, and told as if they were one.

mod fixture;

use fixture::{Counting, Fixture};
use picard_client::{Client, Error, ImportMemory, MemoryTokenStore};
use picard_domain::{Clock as _, Scopes};

async fn connect(fixture: &Fixture) -> Client<MemoryTokenStore> {
    let oauth = fixture.oauth();
    let begun = oauth
        .authorize(Scopes::read_write(), &Counting::default())
        .await
        .expect("a flow");
    let query = fixture.consent(&begun.url);
    let tokens = oauth
        .exchange(begun.pending, &query, fixture.clock.now())
        .await
        .expect("tokens");
    Client::new(
        fixture.oauth(),
        MemoryTokenStore::new(tokens),
        fixture.clock.clone(),
    )
}

fn memory(text: &String) -> ImportMemory<'_> {
    ImportMemory {
        text,
        ..ImportMemory::default()
    }
}

fn memories(texts: &[String]) -> Vec<ImportMemory<'_>> {
    texts.iter().map(memory).collect()
}

fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("memory number {n}")).collect()
}

#[tokio::test]
async fn an_import_in_parts_is_told_as_one() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    let mut texts = numbered(300);
    texts[199].clear();
    texts[299] = texts[0].clone();
    let told = picard.import_memories(&memories(&texts)).await;
    let told = told.expect("imported");
    assert_eq!((told.imported, told.refused), (298, 1));
    assert_eq!(
        (told.duplicates.count, told.duplicates.lines),
        (1, vec![300])
    );
    let error = &told.errors[0];
    assert_eq!((error.line, error.field.as_deref()), (200, Some("text")));
    assert_eq!(fixture.state().imports, [128, 128, 44]);
    assert_eq!(fixture.state().memories.len(), 298);

    let again = picard.import_memories(&memories(&texts)).await;
    let again = again.expect("imported");
    assert_eq!((again.imported, again.duplicates.count), (0, 299));
    assert_eq!(again.duplicates.lines[198..201], [199, 201, 202]);
}

#[tokio::test]
async fn long_memories_go_in_smaller_parts_and_none_in_no_part() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    let long = |letter: &str, kib: usize| letter.repeat(kib * 1024);
    let texts = [long("a", 31), long("b", 31), long("c", 64), long("d", 1)];
    let told = picard.import_memories(&memories(&texts)).await;
    assert_eq!(told.expect("imported").imported, 4);
    assert_eq!(fixture.state().imports, [2, 1, 1]);
    let told = picard.import_memories(&[]).await.expect("nothing to do");
    assert_eq!(told, picard_client::Imported::default());
    assert_eq!(fixture.state().calls.len(), 3);
}

#[tokio::test]
async fn a_part_is_sent_again_while_the_server_is_unavailable_and_with_a_fresh_token() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    fixture.refuse_next(&[503]);
    let told = picard.import_memories(&memories(&numbered(3))).await;
    assert_eq!(told.expect("imported").imported, 3);
    fixture.forget_access_tokens();
    let told = picard.import_memories(&memories(&numbered(4))).await;
    assert_eq!(told.expect("imported").imported, 1);
    assert_eq!(fixture.state().refreshes, 1);
    assert_eq!(fixture.state().imports, [3, 4]);
}

#[tokio::test]
async fn an_import_that_is_refused_amid_it_is_an_error_and_goes_on_when_it_is_repeated() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    let (first, all) = (numbered(128), numbered(200));
    let told = picard.import_memories(&memories(&first)).await;
    assert_eq!(told.expect("imported").imported, 128);
    fixture.refuse_next(&[429]);
    let refused = picard.import_memories(&memories(&all)).await;
    assert!(
        matches!(refused, Err(Error::RateLimited { retry_after }) if retry_after.as_secs() == 7),
        "{refused:?}"
    );
    let told = picard.import_memories(&memories(&all)).await;
    let told = told.expect("imported");
    assert_eq!((told.imported, told.duplicates.count), (72, 128));
}
