//! Two people: what one made public, the other finds; the rest stays theirs.

use thirtyfour::By;

use crate::people::Picard;

const PUBLIC: &str = "I play the cello in a string quartet on Thursdays.";
const ALSO_PUBLIC: &str = "I bake sourdough bread every Sunday morning.";
const PRIVATE: &str = "My cello is insured for nine thousand euros.";

#[tokio::test]
async fn a_persona_shows_others_only_what_is_public() {
    let picard = Picard::start().await;
    let grace = picard.member("grace").await;
    grace.remember(&picard, ALSO_PUBLIC, "Public", "").await;
    grace.remember(&picard, PUBLIC, "Public", "").await;
    grace.remember(&picard, PRIVATE, "Private", "").await;
    grace.go(&picard.web("/dashboard")).await;
    let shown = grace.driver.find(By::Id("user-id")).await;
    let id = shown.expect("the UUID is shown").text().await;
    let id = id.expect("the UUID can be read");

    let ada = picard.member("ada").await;
    for who in ["grace", &id] {
        ada.go(&picard.web("/personas")).await;
        ada.fill("Whose persona?", who).await;
        ada.press("Ask").await;
        ada.sees("2 memories in all").await;
        assert_eq!(ada.memories().await, [PUBLIC, ALSO_PUBLIC], "{who}");
        ada.misses(PRIVATE).await;
    }

    ada.fill(
        "What do you want to know?",
        "Which instrument does she play?",
    )
    .await;
    ada.select("At most", "5").await;
    ada.press("Ask").await;
    ada.sees("the best matches for").await;
    assert_eq!(ada.memories().await, [PUBLIC, ALSO_PUBLIC]);
    ada.misses(PRIVATE).await;
    let top = format!("/personas?user={id}&prompt=what+does+she+bake&limit=1");
    ada.go(&picard.web(&top)).await;
    ada.sees("1 of 2 memories that fit").await;
    assert_eq!(ada.memories().await, [ALSO_PUBLIC]);

    ada.fill("Whose persona?", "nobody").await;
    ada.press("Ask").await;
    ada.sees("There is nobody with this handle").await;

    // Her own search has hers alone, and hers has all of it.
    ada.go(&picard.web("/search?q=cello")).await;
    ada.sees("Nothing found").await;
    grace.go(&picard.web("/search?q=cello")).await;
    grace.sees(PRIVATE).await;
    picard.close(ada).await;
    picard.close(grace).await;
}
