//! PostgreSQL: the first contact, the pool, and what is done about connections
//! that die.
//!
//! A statement has two limits: the server ends it after the statement timeout,
//! and when nothing is heard of it for longer, because the server's machine or the
//! way to it is gone, the connection is given up. Without the second one a lost
//! machine would hold every connection until TCP gives up, a quarter of an hour. It
//! also holds where the first cannot be sent, behind a pooler of connections.

use std::{
    future::Future,
    str::FromStr,
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool, Row as _,
    pool::{PoolConnection, PoolOptions},
    postgres::{PgConnectOptions, PgQueryResult, PgRow, PgSslMode},
};

use crate::{
    Error, Options, Query, Refusal,
    refusal::{of_connecting, place},
};

/// The oldest PostgreSQL that the tests run on, as `server_version_num` has it.
const OLDEST: i32 = 150_000;

/// For one attempt to get through to a server.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// Between two messages that we still wait.
const TELL: Duration = Duration::from_secs(15);

/// For a check of one connection, and for a rollback.
const CHECK: Duration = Duration::from_secs(2);

/// What a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A standby will do.
    Read,
    Write,
}

/// A server: a pool of connections, and how long a statement may take.
#[derive(Debug, Clone)]
pub struct Postgres {
    pub(crate) pool: PgPool,
    limit: Option<Duration>,
}

/// A connection in a transaction. Dropped without a commit, it is rolled back.
pub struct Begun {
    connection: Option<PoolConnection<sqlx::Postgres>>,
    limit: Option<Duration>,
}

impl Postgres {
    /// Connects, and checks that this is a server that we can work with. One that is
    /// not there yet is waited for.
    pub(crate) async fn open(address: &str, options: &Options, to: Use) -> Result<Self, Error> {
        let connect = connect_options(address, options)?;
        wait_until_up(&connect, options.wait, to).await?;
        let pool = PoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.patience)
            // A check of our own takes its place, which costs the same.
            .test_before_acquire(false)
            .before_acquire(move |connection, _| {
                Box::pin(async move {
                    // One that died is replaced, and so is one whose server has become a standby.
                    let check = tokio::time::timeout(CHECK, is_writable(connection)).await;
                    Ok(matches!(check, Ok(Ok(writable)) if writable || to == Use::Read))
                })
            })
            .connect_lazy_with(connect);
        Ok(Self {
            pool,
            limit: options.silence,
        })
    }

    /// Runs a statement and returns its rows. A read whose connection died is asked again.
    pub(crate) async fn rows(&self, query: &Query) -> Result<Vec<PgRow>, Error> {
        let mut again = query.reads();
        loop {
            let mut connection = self.pool.acquire().await?;
            let answer = query.postgres().fetch_all(&mut *connection);
            match within(self.limit, answer).await {
                Ok(rows) => return Ok(rows),
                Err(error) => {
                    let lost = is_lost(&error);
                    if lost {
                        connection.close_on_drop();
                    }
                    if !(lost && again) {
                        return Err(error.into());
                    }
                    again = false;
                }
            }
        }
    }

    /// Runs a statement.
    pub(crate) async fn execute(&self, query: &Query) -> Result<PgQueryResult, Error> {
        let mut connection = self.pool.acquire().await?;
        let done = within(self.limit, query.postgres().execute(&mut *connection)).await;
        done.map_err(|error| {
            if is_lost(&error) {
                connection.close_on_drop();
            }
            error.into()
        })
    }

    /// Begins a transaction by this statement.
    pub(crate) async fn begin(&self, statement: &'static str) -> Result<Begun, Error> {
        let mut again = true;
        loop {
            let mut begun = Begun {
                connection: Some(self.pool.acquire().await?),
                limit: self.limit,
            };
            match begun.control(statement).await {
                // Nothing was done by then: the next connection may live.
                Err(Error::Unavailable(error)) if again && is_lost(&error) => again = false,
                begin => return begin.map(|()| begun),
            }
        }
    }

    /// Waits for statements under way, then closes all connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Begun {
    pub(crate) async fn rows(&mut self, query: &Query) -> Result<Vec<PgRow>, Error> {
        let limit = self.limit;
        let answer = within(limit, query.postgres().fetch_all(self.live()?)).await;
        answer.map_err(|error| self.failed(error))
    }

    pub(crate) async fn execute(&mut self, query: &Query) -> Result<PgQueryResult, Error> {
        let limit = self.limit;
        let done = within(limit, query.postgres().execute(self.live()?)).await;
        done.map_err(|error| self.failed(error))
    }

    /// Runs the statements of a migration, however long they take.
    pub(crate) async fn script(&mut self, statements: &'static str) -> Result<(), Error> {
        let done = sqlx::raw_sql(statements).execute(self.live()?).await;
        done.map(drop).map_err(|error| self.failed(error))
    }

    /// Lifts the limit of statements, until the end of the transaction.
    pub(crate) async fn take_your_time(&mut self) -> Result<(), Error> {
        self.control("SET LOCAL statement_timeout = 0").await?;
        self.limit = None;
        Ok(())
    }

    /// Waits only a moment for each lock, until the end of the transaction: who waits
    /// for a whole table makes all others wait behind, readers among them.
    pub(crate) async fn let_others_pass(&mut self) -> Result<(), Error> {
        self.control("SET LOCAL lock_timeout = '3s'").await
    }

    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.control("COMMIT").await?;
        // It goes back to the pool here, with nothing left to roll back.
        self.connection = None;
        Ok(())
    }

    async fn control(&mut self, statement: &'static str) -> Result<(), Error> {
        let limit = self.limit;
        let done = within(limit, sqlx::raw_sql(statement).execute(self.live()?)).await;
        done.map(drop).map_err(|error| self.failed(error))
    }

    fn live(&mut self) -> Result<&mut PgConnection, Error> {
        match &mut self.connection {
            Some(connection) => Ok(&mut *connection),
            None => Err(sqlx::Error::from(gave_up()).into()),
        }
    }

    /// Lets go of a connection that is of no more use.
    fn failed(&mut self, error: sqlx::Error) -> Error {
        if is_lost(&error)
            && let Some(mut connection) = self.connection.take()
        {
            connection.close_on_drop();
        }
        error.into()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        tokio::spawn(async move {
            let undo = sqlx::raw_sql("ROLLBACK").execute(&mut *connection);
            if !matches!(tokio::time::timeout(CHECK, undo).await, Ok(Ok(_))) {
                connection.close_on_drop();
            }
        });
    }
}

/// Gives up what takes longer than the limit.
async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match limit {
        None => work.await,
        Some(limit) => tokio::time::timeout(limit, work)
            .await
            .unwrap_or_else(|_| Err(gave_up().into())),
    }
}

fn gave_up() -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        "the database server does not answer",
    )
}

/// Tells whether the connection is of no more use: it broke, the server ended it,
/// or the server only reads by now.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(refusal) => matches!(
            refusal.code().as_deref(),
            Some("57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04" | "25006")
        ),
        _ => false,
    }
}

fn connect_options(address: &str, options: &Options) -> Result<PgConnectOptions, Error> {
    let given = PgConnectOptions::from_str(address).map_err(|_| Error::Address)?;
    let says = |names: &[&str]| {
        let (_, query) = address.split_once('?').unwrap_or_default();
        let mut names_given = query.split('&').filter_map(|pair| pair.split('=').next());
        names_given.any(|name| names.contains(&name))
    };
    // An IPv6 address has brackets in a URL, and none where it is looked up.
    let host = given.get_host().trim_matches(['[', ']']).to_owned();
    let limits = [
        ("statement_timeout", options.statement_timeout),
        (
            "idle_in_transaction_session_timeout",
            options.idle_in_transaction,
        ),
    ];
    let limits: Vec<_> = limits
        .iter()
        .filter_map(|(name, limit)| limit.map(|limit| (name, limit.as_millis())))
        .collect();
    let mut connect = given
        // Not needed without floating-point numbers, and PgBouncer refuses it.
        .extra_float_digits(None)
        .application_name("picard")
        .disable_statement_logging();
    if connect.get_socket().is_none() {
        connect = connect.host(&host);
    }
    if !says(&["statement-cache-capacity"]) {
        connect = connect.statement_cache_capacity(256);
    }
    // As libpq has it: whoever names an authority wants it to be looked at.
    if matches!(
        connect.get_ssl_mode(),
        PgSslMode::Prefer | PgSslMode::Require
    ) && says(&["sslrootcert", "ssl-root-cert", "ssl-ca"])
    {
        connect = connect.ssl_mode(PgSslMode::VerifyCa);
    }
    // Even an empty one is sent, and PgBouncer refuses it.
    if !limits.is_empty() {
        connect = connect.options(limits);
    }
    Ok(connect)
}

/// Connects once, to see that all is well; waits for a server that is not up yet.
async fn wait_until_up(connect: &PgConnectOptions, wait: Duration, to: Use) -> Result<(), Error> {
    let began = Instant::now();
    let mut told: Option<Instant> = None;
    loop {
        let refusal = match first_contact(connect, to).await {
            Err(Error::Refused(refusal)) if refusal.may_pass() => refusal,
            Ok(()) => {
                if told.is_some() {
                    tracing::warn!("the database is there");
                }
                return Ok(());
            }
            other => return other,
        };
        let left = wait.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(Error::Refused(refusal));
        }
        if told.is_none_or(|at| at.elapsed() >= TELL) {
            let seconds = left.as_secs_f32().ceil();
            tracing::warn!("waiting for the database, for {seconds} seconds at most: {refusal}");
            told = Some(Instant::now());
        }
        tokio::time::sleep(PAUSE.min(left)).await;
    }
}

async fn first_contact(connect: &PgConnectOptions, to: Use) -> Result<(), Error> {
    let attempt = async {
        let (host, port) = (connect.get_host(), connect.get_port());
        if connect.get_socket().is_none() && tokio::net::lookup_host((host, port)).await.is_err() {
            let host = host.to_owned();
            return Err(Error::Refused(Refusal::UnknownHost { host }));
        }
        // Not as one of ours: it may still be listed when somebody asks whether we are alone.
        let look = connect.clone().application_name("a first look");
        let mut connection = PgConnection::connect_with(&look)
            .await
            .map_err(|error| refused(connect, error))?;
        let checked = check(connect, &mut connection, to).await;
        // Whether the farewell arrives changes nothing.
        let _ = connection.close().await;
        checked
    };
    match tokio::time::timeout(ATTEMPT, attempt).await {
        Ok(done) => done,
        Err(_) => Err(refused(connect, gave_up().into())),
    }
}

fn refused(connect: &PgConnectOptions, error: sqlx::Error) -> Error {
    of_connecting(connect, error).map_or_else(Error::from, Error::Refused)
}

async fn check(
    connect: &PgConnectOptions,
    connection: &mut PgConnection,
    to: Use,
) -> Result<(), Error> {
    let asked = sqlx::raw_sql(
        "SELECT version(), CAST(current_setting('server_version_num') AS INTEGER), \
         current_setting('server_encoding'), current_database()",
    );
    let row = asked
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| refused(connect, error))?;
    let (calls_itself, number): (String, i32) = (row.try_get(0)?, row.try_get(1)?);
    let (encoding, database): (String, String) = (row.try_get(2)?, row.try_get(3)?);
    if let Some(version) = too_old(&calls_itself, number) {
        let version = version.to_owned();
        let place = place(connect);
        return Err(Error::Refused(Refusal::TooOld { place, version }));
    }
    if encoding != "UTF8" {
        return Err(Error::Refused(Refusal::Encoding { database, encoding }));
    }
    if to == Use::Write && !is_writable(connection).await? {
        let place = place(connect);
        return Err(Error::Refused(Refusal::ReadOnly { place }));
    }
    Ok(())
}

/// Returns the version of a PostgreSQL that is too old. What speaks its language
/// and is another database counts its versions in its own way.
fn too_old(calls_itself: &str, number: i32) -> Option<&str> {
    let version = calls_itself
        .strip_prefix("PostgreSQL ")?
        .split(' ')
        .next()?;
    (number < OLDEST).then_some(version)
}

async fn is_writable(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let asked = sqlx::raw_sql("SHOW transaction_read_only");
    let answer: String = asked.fetch_one(connection).await?.try_get(0)?;
    Ok(answer == "off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgresql_is_wanted_from_15_on_and_others_count_for_themselves() {
        let old = "PostgreSQL 14.9 (Debian 14.9-1) on x86_64";
        assert_eq!(too_old(old, 140_009), Some("14.9"));
        assert_eq!(too_old("PostgreSQL 15.0 on aarch64", 150_000), None);
        assert_eq!(too_old("CockroachDB CCL v25.1.0", 130_000), None);
    }

    #[test]
    fn limits_are_sent_unless_there_are_none() {
        let options = Options::default();
        let plain = connect_options("postgres://a@b/c", &options).expect("an address");
        assert_eq!(plain.get_application_name(), Some("picard"));
        let said = plain.get_options().expect("limits are set");
        assert!(said.contains("statement_timeout=30000"), "{said}");
        let none = Options {
            statement_timeout: None,
            idle_in_transaction: None,
            ..options
        };
        let unlimited = connect_options("postgres://a@b/c", &none).expect("an address");
        assert_eq!(unlimited.get_options(), None);
        let zero = Options {
            statement_timeout: Some(Duration::ZERO),
            ..Options::default()
        };
        let patient = connect_options("postgres://a@b/c", &zero).expect("an address");
        let said = patient
            .get_options()
            .expect("the role's own limit is lifted");
        assert!(said.contains("statement_timeout=0 "), "{said}");
    }

    #[test]
    fn an_authority_that_is_named_is_looked_at_as_libpq_does() {
        let mode = |query: &str| {
            let address = format!("postgres://a@[::1]/c?{query}");
            let options = connect_options(&address, &Options::default()).expect("an address");
            assert_eq!(options.get_host(), "::1");
            format!("{:?}", options.get_ssl_mode())
        };
        assert_eq!(mode("sslmode=require"), "Require");
        assert_eq!(mode("sslmode=require&sslrootcert=/a"), "VerifyCa");
        assert_eq!(mode("sslmode=verify-full&sslrootcert=/a"), "VerifyFull");
        assert_eq!(mode("sslmode=disable&sslrootcert=/a"), "Disable");
    }
}
