//! Why a database cannot be used as it was told, in words for the person who
//! set it up. Never the password, nor the address that it is in.

use sqlx::{
    error::DatabaseError,
    postgres::{PgConnectOptions, PgDatabaseError},
};

/// What is wrong with a database, or with what we were told of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The host's name is not known to the name service.
    #[error("the name of the database server, {host}, has no address")]
    UnknownHost {
        /// The name.
        host: String,
    },
    /// Nothing listens there, or nothing comes back.
    #[error("the database server {place} cannot be reached: {why}")]
    Unreachable {
        /// Host and port, or the socket.
        place: String,
        /// What the system says.
        why: String,
    },
    /// It is starting, stopping, or has no room for one more connection.
    #[error("the database server {place} takes no connection yet: {why}")]
    NotReady {
        /// Host and port, or the socket.
        place: String,
        /// What it says.
        why: String,
    },
    /// SQLSTATE 28P01. PostgreSQL says the same of a role that does not exist.
    #[error("the database server {place} refuses the role {role} with this password")]
    Password {
        /// Host and port, or the socket.
        place: String,
        /// The role.
        role: String,
    },
    /// SQLSTATE 28000: nobody gets in like that, whatever the password.
    #[error("the database server {place} does not let the role {role} in: {why}")]
    Role {
        /// Host and port, or the socket.
        place: String,
        /// The role.
        role: String,
        /// What it says.
        why: String,
    },
    /// SQLSTATE 3D000.
    #[error("the database server {place} has no database {database}")]
    NoDatabase {
        /// Host and port, or the socket.
        place: String,
        /// The database.
        database: String,
    },
    /// SQLSTATE 08P01 of `PgBouncer`, which takes the limits of statements only if told so.
    #[error("the pooler in front of the database, {place}, refuses the connection: {why}")]
    Pooler {
        /// Host and port, or the socket.
        place: String,
        /// What it says.
        why: String,
    },
    /// TLS was asked for and does not come about.
    #[error("there is no TLS with the database server {place}: {why}")]
    Tls {
        /// Host and port, or the socket.
        place: String,
        /// What was in the way.
        why: String,
    },
    /// The server's certificate does not show that it is the right one.
    #[error("the certificate of the database server {place} is not trusted: {why}")]
    Certificate {
        /// Host and port, or the socket.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// An older PostgreSQL than we know to work.
    #[error("the database server {place} is PostgreSQL {version}; Picard needs 15 or newer")]
    TooOld {
        /// Host and port, or the socket.
        place: String,
        /// What it calls itself.
        version: String,
    },
    /// A standby, or a role or database that may only read.
    #[error("the database at {place} can only be read")]
    ReadOnly {
        /// Host and port, or the socket.
        place: String,
    },
    /// Names and texts would not fit in.
    #[error("the database {database} has the encoding {encoding}, not UTF8")]
    Encoding {
        /// The database.
        database: String,
        /// Its encoding.
        encoding: String,
    },
    /// SQLSTATE 42501.
    #[error("the database does not let this role do what Picard has to do: {why}")]
    Rights {
        /// What PostgreSQL says.
        why: String,
    },
    /// SQLSTATE 3F000: there is no schema in the search path.
    #[error("the database has no schema to make tables in")]
    NoSchema,
    /// A file of SQLite that cannot be made, read or written.
    #[error("the database file {path} cannot be opened: {why}")]
    File {
        /// The file.
        path: String,
        /// What SQLite or the system says.
        why: String,
    },
}

impl Refusal {
    /// Says what to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownHost { .. } => {
                "check the host in DATABASE_URL (or DB_HOST), and that this machine knows the name"
            }
            Self::Unreachable { .. } => {
                "start it, or check host and port in DATABASE_URL (or DB_HOST and DB_PORT); \
                 PICARD_DATABASE_WAIT says for how many seconds to wait for it"
            }
            Self::NotReady { .. } => {
                "try again when it has started; if it has no room, raise its max_connections or \
                 lower PICARD_DATABASE_CONNECTIONS"
            }
            Self::Password { .. } => {
                "check user and password in DATABASE_URL (or DB_USER and DB_PASSWORD); characters \
                 such as @ : / ? # % must be percent-encoded in a URL"
            }
            Self::Role { .. } => {
                "the role needs LOGIN, and pg_hba.conf a line for role, database and address; if it \
                 is there for TLS only, add ?sslmode=require to the address"
            }
            Self::NoDatabase { .. } => "make it: CREATE DATABASE name OWNER role",
            Self::Pooler { .. } => {
                "set ignore_startup_parameters = options in PgBouncer; or set \
                 PICARD_DATABASE_STATEMENT_TIMEOUT and PICARD_DATABASE_IDLE_TIMEOUT to 0, and \
                 name the server itself for backups and copies"
            }
            Self::Tls { .. } => {
                "turn TLS on at the server, or take sslmode out of the address; sslrootcert names \
                 a file of certificates in PEM"
            }
            Self::Certificate { .. } => {
                "name a file with the certificate of the server's authority by sslrootcert=FILE in \
                 the address; with sslmode=verify-full the certificate must also be for this host"
            }
            Self::TooOld { .. } => "move the data to a newer PostgreSQL (pg_upgrade, or a dump)",
            Self::ReadOnly { .. } => {
                "name the primary instead of a standby, or give the role \
                 default_transaction_read_only = off"
            }
            Self::Encoding { .. } => {
                "make another one: CREATE DATABASE name OWNER role ENCODING 'UTF8' TEMPLATE template0"
            }
            Self::Rights { .. } | Self::NoSchema => {
                "make the role the owner: ALTER DATABASE name OWNER TO role, or GRANT ALL ON SCHEMA \
                 public TO role; tables that another role made must be given to it as well"
            }
            Self::File { .. } => {
                "its folder must exist, be writable for this user, and have room on the disk"
            }
        }
    }

    /// Tells whether this may be over in a moment, without anybody changing a setting.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::UnknownHost { .. } | Self::Unreachable { .. } | Self::NotReady { .. }
        )
    }
}

/// Says why a first connection to PostgreSQL did not come about; gives the error
/// back when there are no better words for it than its own.
pub(crate) fn of_connecting(
    connect: &PgConnectOptions,
    error: sqlx::Error,
) -> Result<Refusal, sqlx::Error> {
    let place = place(connect);
    let role = || connect.get_username().to_owned();
    let database = || connect.get_database().unwrap_or(connect.get_username());
    Ok(match &error {
        sqlx::Error::Database(refusal) => {
            let why = refusal.message().to_owned();
            match refusal
                .try_downcast_ref::<PgDatabaseError>()
                .map(PgDatabaseError::code)
            {
                Some("57P03" | "57P01" | "57P02" | "53300") => Refusal::NotReady { place, why },
                Some("28P01") => Refusal::Password {
                    place,
                    role: role(),
                },
                Some("28000" | "0A000") => Refusal::Role {
                    place,
                    role: role(),
                    why,
                },
                Some("3D000") => Refusal::NoDatabase {
                    place,
                    database: database().to_owned(),
                },
                Some("42501") => Refusal::Rights { why },
                // PgBouncer has this code for nearly all that it refuses: only its words tell.
                Some("08P01") if why.contains("startup parameter") => {
                    Refusal::Pooler { place, why }
                }
                _ => return Err(error),
            }
        }
        // What rustls has to say of a certificate comes in an error of this kind.
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => {
            Refusal::Certificate {
                place,
                why: io.to_string(),
            }
        }
        // Without a socket, the only files are those of certificates.
        sqlx::Error::Io(io)
            if io.kind() == std::io::ErrorKind::NotFound && connect.get_socket().is_none() =>
        {
            Refusal::Tls {
                place,
                why: format!("a file of the address cannot be read: {io}"),
            }
        }
        sqlx::Error::Io(io) => Refusal::Unreachable {
            place,
            why: io.to_string(),
        },
        sqlx::Error::Tls(why) => Refusal::Tls {
            place,
            why: why.to_string(),
        },
        _ => return Err(error),
    })
}

/// Where a server is, for people: no user, no password.
pub(crate) fn place(connect: &PgConnectOptions) -> String {
    match connect.get_socket() {
        Some(socket) => socket.display().to_string(),
        None if connect.get_host().contains(':') => {
            format!("[{}]:{}", connect.get_host(), connect.get_port())
        }
        None => format!("{}:{}", connect.get_host(), connect.get_port()),
    }
}

/// Says what a statement may not do, when that is what the refusal is about.
pub(crate) fn of_statement(refusal: &dyn DatabaseError) -> Option<Refusal> {
    match refusal.code()?.as_ref() {
        "42501" => Some(Refusal::Rights {
            why: refusal.message().to_owned(),
        }),
        "3F000" => Some(Refusal::NoSchema),
        _ => None,
    }
}
