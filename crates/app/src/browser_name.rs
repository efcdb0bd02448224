//! Browsers in words: `Firefox on Linux` for a `User-Agent`.
//!
//! Good enough to recognise one's own sessions; nothing depends on it.

/// Says what browser on what system a `User-Agent` most likely is.
pub fn browser_name(user_agent: &str) -> String {
    // Order matters: Edge and Opera also say Chrome, and Chrome says Safari.
    let browser = first(
        user_agent,
        &[
            ("Edg", "Edge"),
            ("OPR/", "Opera"),
            ("Firefox/", "Firefox"),
            ("FxiOS/", "Firefox"),
            ("CriOS/", "Chrome"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
            ("curl/", "curl"),
        ],
    );
    // Android also says Linux, and an iPhone says Mac OS X.
    let system = first(
        user_agent,
        &[
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Android", "Android"),
            ("Windows", "Windows"),
            ("Mac OS X", "macOS"),
            ("CrOS", "ChromeOS"),
            ("Linux", "Linux"),
        ],
    );
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "An unknown browser".to_owned(),
    }
}

fn first(text: &str, words: &[(&str, &'static str)]) -> Option<&'static str> {
    words
        .iter()
        .find(|(mark, _)| text.contains(mark))
        .map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::browser_name;

    #[test]
    fn common_browsers_are_named() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0";
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";
        assert_eq!(browser_name(chrome), "Chrome on Linux");
        assert_eq!(browser_name(edge), "Edge on Windows");
        assert_eq!(browser_name(phone), "Safari on iPhone");
        assert_eq!(browser_name("<script>"), "An unknown browser");
    }
}
