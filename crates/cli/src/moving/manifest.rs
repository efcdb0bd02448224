//! What a backup says of itself: `manifest.json`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use picard_crypto::KeyId;
use picard_domain::Instant;
use picard_sql::copy::TableDigest;
use serde::{Deserialize, Serialize};

use crate::{hint::OrHint as _, migrate::Service};

/// The form of the folder that this program writes and reads.
const FORM: u32 = 1;

/// The whole of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Which form the folder has.
    picard_backup: u32,
    /// The version of the program that made it.
    pub(crate) program: String,
    /// When it was begun: what was acknowledged before is in it.
    pub(crate) begun_at: Instant,
    pub(crate) ended_at: Instant,
    /// By the name of the service.
    services: BTreeMap<String, ServiceBackup>,
}

/// One service's part.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServiceBackup {
    /// The version of its tables.
    pub(crate) schema_version: i64,
    /// What it was taken from: `sqlite` or `postgres`.
    pub(crate) taken_from: String,
    /// When its copy was begun.
    pub(crate) begun_at: Instant,
    /// The master keys without which it cannot be read.
    pub(crate) keys: Vec<KeyId>,
    /// Whether the keys are in the backup.
    pub(crate) with_keys: bool,
    /// By the name of the table; the same whichever database they were in.
    tables: BTreeMap<String, TableSum>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TableSum {
    rows: u64,
    sha256: String,
}

impl Manifest {
    /// Begins one, without services.
    pub(crate) fn begin(at: Instant) -> Self {
        Self {
            picard_backup: FORM,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            begun_at: at,
            ended_at: at,
            services: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, service: Service, part: ServiceBackup) {
        self.services.insert(service.name().to_owned(), part);
    }

    /// Returns the services that are in the backup.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Service, &ServiceBackup)> {
        let part = |service: Service| Some((service, self.services.get(service.name())?));
        Service::ALL.into_iter().filter_map(part)
    }

    pub(crate) fn write(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    pub(crate) fn read(text: &str) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Form {
            picard_backup: u32,
        }
        let form: Form = serde_json::from_str(text).context("manifest.json is no manifest")?;
        if form.picard_backup > FORM {
            return Err(anyhow::anyhow!("the backup was made by a newer program"))
                .or_hint("restore it with the version that made it, or a later one");
        }
        serde_json::from_str(text).context("manifest.json is no manifest")
    }
}

impl ServiceBackup {
    pub(crate) fn set_tables(&mut self, digests: &[TableDigest]) {
        self.tables = sums(digests);
    }

    pub(crate) fn new(version: i64, taken_from: &str, at: Instant) -> Self {
        Self {
            schema_version: version,
            taken_from: taken_from.to_owned(),
            begun_at: at,
            keys: Vec::new(),
            with_keys: false,
            tables: BTreeMap::new(),
        }
    }

    /// How many rows all tables have together.
    pub(crate) fn rows(&self) -> u64 {
        self.tables.values().map(|sum| sum.rows).sum()
    }

    /// Returns a table that holds something else than the manifest says.
    pub(crate) fn differs(&self, digests: &[TableDigest]) -> Option<String> {
        let found = sums(digests);
        let names = self.tables.keys().chain(found.keys());
        let mut differing = names.filter(|name| self.tables.get(*name) != found.get(*name));
        differing.next().cloned()
    }
}

fn sums(digests: &[TableDigest]) -> BTreeMap<String, TableSum> {
    let sum = |digest: &TableDigest| TableSum {
        rows: digest.rows,
        sha256: super::folder::hex(&digest.sha256),
    };
    let sums = digests
        .iter()
        .map(|digest| (digest.table.clone(), sum(digest)));
    sums.collect()
}
