//! Whether every text stands out from what is behind it, as WCAG 2.2 (1.4.3) asks.

use crate::browser::Browser;

/// Lists the texts that are too faint, with their contrast: below 4.5, or below 3 where the
/// letters are large. What stands in a closed fold is not drawn, so folds are opened for it.
const FAINT: &str = r#"
const folds = [...document.querySelectorAll("details:not([open])")];
folds.forEach((fold) => { fold.open = true; });
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const painted = (color) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const luminance = (color) => {
  const [red, green, blue] = painted(color).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (painted(color)[3] === 255) { return color; }
  }
  return "white";
};
const faint = [];
const look = (element, style, text) => {
  const [light, dark] = [luminance(style.color), luminance(behind(element))].sort((a, b) => b - a);
  const contrast = (light + 0.05) / (dark + 0.05);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 700);
  if (contrast < (isLarge ? 3 : 4.5)) { faint.push(`${contrast.toFixed(2)}: ${text.trim()}`); }
};
for (const element of document.querySelectorAll("body *")) {
  const { width, height } = element.getBoundingClientRect();
  if (width < 2 || height < 2 || element.matches(":disabled")) { continue; }
  const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (hasText) { look(element, getComputedStyle(element), element.textContent.slice(0, 40)); }
  if (element.placeholder) {
    look(element, getComputedStyle(element, "::placeholder"), element.placeholder);
  }
}
folds.forEach((fold) => { fold.open = false; });
return faint;
"#;

impl Browser {
    /// Fails unless every text of the page can be read, in the colours of this scheme.
    pub(crate) async fn assert_legible(&self, scheme: &str) {
        self.prefer(scheme).await;
        let looked = self.driver.execute(FAINT, Vec::new()).await;
        let faint: Vec<String> = looked
            .expect("the page can be looked at")
            .convert()
            .expect("a list of texts");
        let at = self.address().await;
        assert!(faint.is_empty(), "too faint at {at}, {scheme}: {faint:#?}");
    }
}
