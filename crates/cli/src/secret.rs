//! Secrets from the environment: each has a twin that names a file.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// A secret given directly or by the name of a file that holds it.
#[derive(Clone, Copy)]
pub(crate) struct Secret<'a> {
    /// What the variable is called, for messages.
    pub(crate) name: &'static str,
    pub(crate) value: Option<&'a String>,
    pub(crate) file: Option<&'a PathBuf>,
}

impl Secret<'_> {
    /// Returns the secret without surrounding white space, when one is set.
    pub(crate) fn read(self) -> anyhow::Result<Option<String>> {
        match (self.value, self.file) {
            (Some(_), Some(_)) => {
                bail!("{0} and {0}_FILE are both set; set one of them", self.name)
            }
            (Some(value), None) => Ok(Some(value.trim().to_owned())),
            (None, Some(file)) => std::fs::read_to_string(file)
                .with_context(|| format!("{}_FILE: {} cannot be read", self.name, file.display()))
                .map(|text| Some(text.trim().to_owned())),
            (None, None) => Ok(None),
        }
    }
}
