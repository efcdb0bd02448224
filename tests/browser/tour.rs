//! Every page of both services, at a desk and in a hand, in light and dark.
//!
//! Each must be sound (`sound`) and its texts legible (`legible`). With `PICARD_SCREENSHOTS=FOLDER` each is also
//! saved there as a picture, to be looked at:
//!
//! ```text
//! PICARD_SCREENSHOTS=/tmp/tour cargo test -p picard-tests --test browser tour
//! ```

mod server_pages;
mod web_accounts;
mod web_pages;

use std::{env, path::PathBuf, sync::atomic::AtomicU32, sync::atomic::Ordering};

use crate::{
    browser::Browser,
    people::{PASSWORD, Picard},
};

const SIZES: [(u32, u32); 2] = [(1280, 900), (390, 844)];

/// One walk past pages.
struct Tour {
    picard: Picard,
    browser: Browser,
    part: &'static str,
    folder: Option<PathBuf>,
    stops: AtomicU32,
}

impl Tour {
    async fn start(part: &'static str) -> Self {
        let folder = env::var_os("PICARD_SCREENSHOTS").map(PathBuf::from);
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).expect("the folder for pictures can be made");
        }
        Self {
            picard: Picard::start().await,
            browser: Browser::open().await,
            part,
            folder,
            stops: AtomicU32::new(1),
        }
    }

    /// Looks at the page that is shown, which has this heading.
    async fn stop(&self, name: &str, heading: &str) {
        self.browser.is_at(heading).await;
        let number = self.stops.fetch_add(1, Ordering::Relaxed);
        for (width, height) in SIZES {
            self.browser.resize(width, height).await;
            self.browser.assert_sound(width).await;
            if let Some(folder) = &self.folder {
                for scheme in ["light", "dark"] {
                    let file = format!("{}-{number:02}-{name}-{width}-{scheme}.png", self.part);
                    self.picture((width, height), scheme, folder.join(file))
                        .await;
                }
            }
        }
        let (width, height) = SIZES[0];
        self.browser.resize(width, height).await;
        for scheme in ["dark", "light"] {
            self.browser.assert_legible(scheme).await;
        }
    }

    /// Goes to a page of the web client and looks at it.
    async fn web(&self, path: &str, name: &str, heading: &str) {
        self.browser.go(&self.picard.web(path)).await;
        self.stop(name, heading).await;
    }

    /// Goes to a page of the server and looks at it.
    async fn server(&self, path: &str, name: &str, heading: &str) {
        self.browser.go(&self.picard.server(path)).await;
        self.stop(name, heading).await;
    }

    /// Takes a picture of the page, as far down as it goes.
    async fn picture(&self, (width, height): (u32, u32), scheme: &str, file: PathBuf) {
        let browser = &self.browser;
        browser.prefer(scheme).await;
        let script = "return document.documentElement.scrollHeight;";
        let long = browser.driver.execute(script, Vec::new()).await;
        let long: u32 = long.expect("a height").convert().expect("a number");
        browser.resize(width, long.max(height)).await;
        let shot = browser.driver.screenshot(&file).await;
        shot.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        browser.resize(width, height).await;
    }

    async fn end(self) {
        self.picard.close(self.browser).await;
    }
}
