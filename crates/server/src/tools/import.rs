//! `POST /api/import`: many memories at once, as JSON Lines.
//!
//! Lines are read as they arrive, a few at a time: what is not read yet waits at the
//! sender. So an import needs little memory, however long it is. It ends with a
//! report. One that breaks off leaves what was stored, and the same import again goes
//! on where it stopped.

use std::{
    collections::HashSet,
    error::Error as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
};
use futures::TryStreamExt as _;
use http::{HeaderMap, Uri, header};
use http_body_util::{LengthLimitError, Limited};
use picard_app::{Access, ImportMode, ImportReport, Intake, Lines, Write};
use picard_domain::UserId;
use serde::Serialize;
use tokio::time::Instant;

use crate::{bearer::Bearer, json::is_of_type, problem::Problem, state::Server};

/// The path.
pub(crate) const IMPORT: &str = "/api/import";

/// The most bytes of one import: some ten thousand memories as people write them.
pub(crate) const MAX_IMPORT: usize = 16 * 1024 * 1024;

/// The types under which JSON Lines go.
pub(crate) const TYPES: [&str; 3] = ["application/x-ndjson", "application/jsonl", "text/jsonl"];

/// How often it is looked whether the token still holds while nothing is stored.
const CHECKED_EVERY: Duration = Duration::from_secs(1);

/// When somebody may try again whose import is under way already.
const ANOTHER_IS_UNDER_WAY: u64 = 5;

/// Those who import. One import of each person: it knows all that they have.
#[derive(Clone, Default)]
pub(crate) struct Imports(Arc<Mutex<HashSet<UserId>>>);

/// Held for as long as an import takes.
struct UnderWay<'a> {
    imports: &'a Imports,
    user: UserId,
}

/// What became of the lines.
#[derive(Serialize)]
pub(crate) struct Report {
    dry_run: bool,
    #[serde(flatten)]
    lines: ImportReport,
}

/// `POST /api/import`; answers with a report.
pub(crate) async fn import(
    State(server): State<Server>,
    Bearer(access): Bearer,
    request: Request,
) -> Result<Json<Report>, Problem> {
    let access = access.called("import");
    let caller = access.authorize::<Write>()?;
    server.keep_pace(&access)?;
    let mode = mode(request.uri())?;
    acceptable(request.headers())?;
    let _under_way = server.imports.begin(access.user_id)?;
    let importer = server.app.importer(&caller, mode).await?;
    let intake = Intake::new(importer, |_, _: &str| ());
    let lines = read(&server, &access, request.into_body(), intake).await?;
    let dry_run = mode == ImportMode::DryRun;
    Ok(Json(Report { dry_run, lines }))
}

async fn read<Say: FnMut(usize, &str)>(
    server: &Server,
    access: &Access,
    body: Body,
    mut intake: Intake<'_, Say>,
) -> Result<ImportReport, Problem> {
    let mut body = Body::new(Limited::new(body, MAX_IMPORT)).into_data_stream();
    let mut lines = Lines::default();
    let mut allowed = Allowed::new(server, access);
    while let Some(piece) = body.try_next().await.map_err(|error| broken(&error))? {
        allowed.lately().await?;
        let mut rest = &piece[..];
        while let Some((line, behind)) = lines.next(rest) {
            rest = behind;
            if intake.hold(line) {
                // Often enough all of them are there already, and nothing is at stake.
                if intake.holds_new() {
                    allowed.now().await?;
                } else {
                    allowed.lately().await?;
                }
                intake.store().await?;
            }
        }
    }
    intake.hold(lines.last());
    allowed.now().await?;
    Ok(intake.end().await?)
}

/// Whether the token still holds: it may end or be revoked while its import goes on.
struct Allowed<'a> {
    server: &'a Server,
    access: &'a Access,
    looked: Instant,
}

impl<'a> Allowed<'a> {
    fn new(server: &'a Server, access: &'a Access) -> Self {
        Self {
            server,
            access,
            looked: Instant::now(),
        }
    }

    /// Looks.
    async fn now(&mut self) -> Result<(), Problem> {
        let access = self.server.app.recheck(self.access).await?;
        access
            .ok_or_else(Problem::invalid_token)?
            .authorize::<Write>()?;
        self.looked = Instant::now();
        Ok(())
    }

    /// Looks when it has not for a while. So nobody keeps an import open for longer
    /// than their token holds, however slowly they send.
    async fn lately(&mut self) -> Result<(), Problem> {
        if self.looked.elapsed() >= CHECKED_EVERY {
            self.now().await?;
        }
        Ok(())
    }
}

fn mode(uri: &Uri) -> Result<ImportMode, Problem> {
    let mut mode = ImportMode::Store;
    let query = uri.query().unwrap_or_default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        mode = match (&*name, &*value) {
            ("dry_run", "true") => ImportMode::DryRun,
            ("dry_run", "false") => ImportMode::Store,
            ("dry_run", _) => return Err(Problem::field("dry_run", "is neither true nor false")),
            _ => return Err(Problem::field(&name, "is no parameter; there is dry_run")),
        };
    }
    Ok(mode)
}

fn acceptable(headers: &HeaderMap) -> Result<(), Problem> {
    if !TYPES.iter().any(|kind| is_of_type(headers, kind)) {
        let why = format!("send JSON Lines as {}", TYPES[0]);
        return Err(Problem::new("unsupported_media_type", why));
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_IMPORT) {
        return Err(too_large());
    }
    Ok(())
}

fn too_large() -> Problem {
    let most = MAX_IMPORT / (1024 * 1024);
    Problem::new(
        "too_large",
        format!("the most is {most} MiB; send the lines in several parts"),
    )
}

fn broken(error: &axum::Error) -> Problem {
    let too_long = error
        .source()
        .is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
    if too_long {
        too_large()
    } else {
        let why = "the body did not arrive whole; the same import again goes on where it stopped";
        Problem::new("invalid_request", why)
    }
}

impl Imports {
    fn begin(&self, user: UserId) -> Result<UnderWay<'_>, Problem> {
        if self.lock().insert(user) {
            Ok(UnderWay {
                imports: self,
                user,
            })
        } else {
            Err(Problem::rate_limited(ANOTHER_IS_UNDER_WAY))
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<UserId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.imports.lock().remove(&self.user);
    }
}
