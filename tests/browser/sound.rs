//! What holds for every page, whatever is on it.

use serde::Deserialize;

use crate::browser::Browser;

/// Looks at the page as it stands. What should be empty lists the culprits.
const LOOK: &str = r#"
const all = (selector) => [...document.querySelectorAll(selector)];
const html = (element) => element.outerHTML.slice(0, 200);
const named = (element) => element.getAttribute("aria-label") || element.textContent.trim();
const fields = all("input, select, textarea").filter((field) =>
  field.type !== "hidden" && !field.hidden && field.getAttribute("aria-hidden") !== "true");
const ids = all("[id]").map((element) => element.id);
const described = all("[aria-describedby], [aria-labelledby]").flatMap((element) =>
  `${element.getAttribute("aria-describedby") || ""} ${element.getAttribute("aria-labelledby") || ""}`
    .split(" ").filter((id) => id && !document.getElementById(id)));
const levels = all("h1, h2, h3, h4").map((heading) => Number(heading.localName[1]));
const root = document.scrollingElement;
return {
  headings: all("h1").length,
  skipped: levels.filter((level, at) => at > 0 && level > levels[at - 1] + 1).length,
  language: document.documentElement.lang,
  title: document.title,
  unlabelled: fields.filter((field) => !field.labels.length).map(html),
  unnamed: all("a, button, summary").filter((element) => !named(element)).map(html),
  pictures: all("img:not([alt])").map(html),
  twice: ids.filter((id, at) => ids.indexOf(id) !== at),
  dangling: described,
  inline: all("[style], style, script:not([src])").map(html),
  overflow: root.scrollWidth - window.innerWidth,
  wide: all("main *").filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1)
    .map(html).slice(0, 3),
  width: window.innerWidth,
};
"#;

#[derive(Debug, Deserialize)]
struct Look {
    headings: usize,
    skipped: usize,
    language: String,
    title: String,
    unlabelled: Vec<String>,
    unnamed: Vec<String>,
    pictures: Vec<String>,
    twice: Vec<String>,
    dangling: Vec<String>,
    inline: Vec<String>,
    overflow: i64,
    /// Told when it scrolls.
    #[expect(dead_code, reason = "shown by Debug")]
    wide: Vec<String>,
    width: u32,
}

impl Browser {
    /// Fails unless the page is sound at this width.
    pub(crate) async fn assert_sound(&self, width: u32) {
        let looked = self.driver.execute(LOOK, Vec::new()).await;
        let look: Look = looked
            .expect("the page can be looked at")
            .convert()
            .expect("what was seen is as asked");
        let at = self.address().await;
        assert_eq!(look.width, width, "the window has another size at {at}");
        assert_eq!(look.headings, 1, "h1 at {at}");
        assert_eq!(look.skipped, 0, "levels of headings at {at}");
        assert_eq!(look.language, "en", "lang at {at}");
        assert!(look.title.contains(" · Picard"), "title at {at}: {look:?}");
        let culprits = [
            ("fields without a label", &look.unlabelled),
            ("links and buttons without a name", &look.unnamed),
            ("pictures without a text", &look.pictures),
            ("ids that are not unique", &look.twice),
            ("references to nothing", &look.dangling),
            ("inline styles and scripts", &look.inline),
        ];
        for (what, found) in culprits {
            assert!(found.is_empty(), "{what} at {at}: {found:#?}");
        }
        assert!(look.overflow <= 0, "{at} scrolls sideways: {look:#?}");
    }
}
