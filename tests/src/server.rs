//! A server in this process: real routes, a real database, a clock that is
//! turned by hand and a small embedder (its subject is never meaning).

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc};

use picard_app::{App, ClientRegistration, Fetch, LoadModel, NoFetch, Settings};
use picard_crypto::Keyring;
use picard_domain::{ClientId, Entropy, Scopes};
use picard_embed::Embedder;
use picard_server::{Config, Server};
use picard_sql::{Db, Options};
use picard_testkit::{FakeClock, HashEmbedder, SeededEntropy, postgres};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{application::Application, visitor::Visitor};

/// Which database a server runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// A file in a temporary folder.
    Sqlite,
    /// A fresh database in the tests' cluster.
    Postgres,
}

impl Database {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// Makes two tests of each story, an `async fn` that takes a [`Database`]: one
/// for each, so that the name of a test that failed says where it did.
///
/// An attribute in front is for another runtime: `#[tokio::test(flavor = "multi_thread")]`.
#[macro_export]
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        $crate::on_both!(#[tokio::test] $($story),+);
    };
    (#[$test:meta] $($story:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[$test]
            async fn $story() {
                super::$story($crate::server::Database::Sqlite).await;
            })+
        }
        mod on_postgresql {
            $(#[$test]
            async fn $story() {
                super::$story($crate::server::Database::Postgres).await;
            })+
        }
    };
}

/// A server that lives as long as the test.
pub struct TestServer {
    /// Its address, which is its issuer too.
    pub base: String,
    /// Its clock.
    pub clock: Arc<FakeClock>,
    /// Its use cases.
    pub app: Arc<App>,
    parts: Parts,
    serving: JoinHandle<()>,
}

/// What another server on the same database shares.
#[derive(Clone)]
struct Parts {
    /// Where its files are (SQLite); removed with the last server on them.
    #[expect(dead_code, reason = "held for its end")]
    dir: Arc<TempDir>,
    address: String,
    /// The public address of all of them; the first one's, unless they moved.
    public_url: Option<String>,
    keyring: Keyring,
    clock: Arc<FakeClock>,
    entropy: Arc<SeededEntropy>,
    fetch: Arc<dyn Fetch>,
}

/// How a server differs from the ordinary one.
#[derive(Clone, Copy)]
struct Changes {
    config: fn(Config) -> Config,
    server: fn(Server) -> Server,
    previous: fn() -> Vec<LoadModel>,
}

impl Changes {
    const NONE: Self = Self {
        config: |config| config,
        server: |server| server,
        previous: Vec::new,
    };
}

impl Parts {
    async fn fresh(database: Database) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let address = match database {
            Database::Sqlite => format!("sqlite:{}", dir.path().join("picard.db").display()),
            Database::Postgres => postgres::create_database().await,
        };
        let entropy = Arc::new(SeededEntropy::new(1701));
        Self {
            dir: Arc::new(dir),
            address,
            public_url: None,
            keyring: Keyring::generate(&*entropy),
            clock: Arc::new(FakeClock::default()),
            entropy,
            fetch: Arc::new(NoFetch),
        }
    }
}

impl TestServer {
    /// Starts a server on a fresh SQLite database.
    pub async fn start() -> Self {
        Self::on(Database::Sqlite).await
    }

    /// Starts a server on a fresh database.
    pub async fn on(database: Database) -> Self {
        let parts = Parts::fresh(database).await;
        Self::with(parts, Arc::new(HashEmbedder::default()), Changes::NONE).await
    }

    /// Starts a server on a fresh SQLite database, with other settings.
    pub async fn configured(change: fn(Config) -> Config) -> Self {
        Self::configured_on(Database::Sqlite, change).await
    }

    /// Starts a server on a fresh database, with other settings.
    pub async fn configured_on(database: Database, change: fn(Config) -> Config) -> Self {
        let (parts, embedder) = (Parts::fresh(database).await, HashEmbedder::default());
        let changes = Changes {
            config: change,
            ..Changes::NONE
        };
        Self::with(parts, Arc::new(embedder), changes).await
    }

    /// Starts a server on a fresh SQLite database, changed by `change` before
    /// it serves.
    pub async fn changed(change: fn(Server) -> Server) -> Self {
        Self::changed_on(Database::Sqlite, change).await
    }

    /// Starts a server on a fresh database, changed by `change` before it serves.
    pub async fn changed_on(database: Database, change: fn(Server) -> Server) -> Self {
        let (parts, embedder) = (Parts::fresh(database).await, HashEmbedder::default());
        let changes = Changes {
            server: change,
            ..Changes::NONE
        };
        Self::with(parts, Arc::new(embedder), changes).await
    }

    /// Starts a server on a fresh database that fetches documents about
    /// applications in this way.
    pub async fn fetching(database: Database, fetch: Arc<dyn Fetch>) -> Self {
        let parts = Parts {
            fetch,
            ..Parts::fresh(database).await
        };
        Self::with(parts, Arc::new(HashEmbedder::default()), Changes::NONE).await
    }

    /// Starts another node of the same server.
    pub async fn another_node(&self) -> Self {
        self.with_embedder(Arc::new(HashEmbedder::default())).await
    }

    /// Starts another server on the same database, with the same clock and
    /// keys and another model.
    pub async fn with_embedder(&self, embedder: Arc<dyn Embedder>) -> Self {
        Self::with(self.parts.clone(), embedder, Changes::NONE).await
    }

    /// Starts another server on the same database, with the same clock and keys and
    /// another model, at which models of before are at hand.
    pub async fn with_models(
        &self,
        embedder: Arc<dyn Embedder>,
        previous: fn() -> Vec<LoadModel>,
    ) -> Self {
        let changes = Changes {
            previous,
            ..Changes::NONE
        };
        Self::with(self.parts.clone(), embedder, changes).await
    }

    /// Starts another server on the same database, as after a move: its public
    /// address is its own.
    pub async fn moved(&self) -> Self {
        let parts = Parts {
            public_url: None,
            ..self.parts.clone()
        };
        Self::with(parts, Arc::new(HashEmbedder::default()), Changes::NONE).await
    }

    async fn with(mut parts: Parts, embedder: Arc<dyn Embedder>, changes: Changes) -> Self {
        let settings = Settings {
            database: parts.address.clone().into(),
            keyring: parts.keyring.clone(),
            embedder,
            clock: parts.clock.clone(),
            entropy: parts.entropy.clone(),
            partition_bytes: 64 * 1024 * 1024,
        };
        let app = App::open(settings).await.expect("the server opens");
        let app = app.with_previous_models((changes.previous)());
        let app = Arc::new(app.fetching(parts.fetch.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("a bound address"));
        let public_url = parts.public_url.get_or_insert_with(|| base.clone());
        // The clock stands still, and with it every bucket of calls.
        let config = (changes.config)(Config {
            calls_per_second: NonZeroU32::MAX,
            ..Config::new(public_url.as_str())
        });
        let router = picard_server::router((changes.server)(Server::new(app.clone(), config)));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move {
            axum::serve(listener, service)
                .await
                .expect("the server serves");
        });
        Self {
            base,
            clock: parts.clock.clone(),
            app,
            parts,
            serving,
        }
    }

    /// Opens its database beside it.
    pub async fn database(&self) -> Db {
        let opened = Db::open(&self.parts.address, &Options::default()).await;
        opened.expect("the database opens")
    }

    /// A fresh browser at this server.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(&self.base)
    }

    /// A fresh browser with a fresh account, logged in.
    pub async fn person(&self, handle: &str) -> Visitor {
        let mut visitor = self.visitor();
        visitor.sign_up(handle, "tea, earl grey, hot").await;
        visitor
    }

    /// Registers an application that keeps a secret.
    pub async fn application(&self) -> Application {
        self.register(true, "https://app.example/callback").await
    }

    /// Registers an application that cannot keep a secret.
    pub async fn public_application(&self) -> Application {
        self.register(false, "http://127.0.0.1/callback").await
    }

    async fn register(&self, confidential: bool, redirect_uri: &str) -> Application {
        let secret = confidential.then(|| "a secret for the tests only, 32+".to_owned());
        let id = ClientId::random(&*self.parts.entropy as &dyn Entropy);
        let registration = ClientRegistration {
            id,
            secret: secret.clone(),
            name: "Holodeck".to_owned(),
            redirect_uris: vec![redirect_uri.to_owned()],
            scopes: Scopes::all(),
        };
        self.app
            .register_client(registration)
            .await
            .expect("the client is registered");
        Application {
            client_id: id.to_string(),
            secret,
            redirect_uri: redirect_uri.to_owned(),
            scope: "memories:read memories:write".to_owned(),
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
