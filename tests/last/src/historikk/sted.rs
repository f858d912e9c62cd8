//! Where the databases of one history are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use samspor::serve::Part;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use tempfile::TempDir;

use super::Mengde;

/// A folder for the files of a history, and its databases.
pub(super) struct Sted {
    folder: PathBuf,
    /// Of a server: its address, with {} for the name of the database.
    server: Option<String>,
    persons: usize,
    _gone_after: Option<TempDir>,
}

/// A database of a service.
#[derive(Debug, Clone)]
pub(super) struct Database {
    pub(super) url: String,
    /// Its name at a server.
    pub(super) name: Option<String>,
}

/// The services that a history is taken in to.
const PARTS: [Part; 4] = [
    Part::Koordinering,
    Part::Bestillerkontor,
    Part::Rop,
    Part::Boligkontor,
];

impl Sted {
    pub(super) fn new(mengde: &Mengde) -> Result<Self> {
        let persons = mengde.personer;
        let (folder, gone_after) = match &mengde.mappe {
            None => {
                let made = tempfile::tempdir()?;
                (made.path().to_owned(), Some(made))
            }
            Some(folder) => {
                let Mengde {
                    linjer, kontakter, ..
                } = mengde;
                let kept = folder.join(format!("{persons}-{linjer}-{kontakter}"));
                std::fs::create_dir_all(&kept)?;
                (kept, None)
            }
        };
        Ok(Self {
            folder,
            server: mengde.postgres.clone(),
            persons,
            _gone_after: gone_after,
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn database(&self, part: Part) -> Database {
        match &self.server {
            None => {
                let file = self.folder.join(part.name()).with_extension("db");
                Database {
                    url: format!("sqlite:{}", file.display()),
                    name: None,
                }
            }
            Some(server) => {
                let name = format!("samspor_historikk_{}_{}", self.persons, part.name());
                Database {
                    url: server.replace("{}", &name),
                    name: Some(name),
                }
            }
        }
    }

    /// Makes the databases of a server anew; those in files are made by whoever
    /// opens them first.
    pub(super) async fn prepare(&self) -> Result<()> {
        self.remove().await?;
        for database in PARTS.map(|part| self.database(part)) {
            if let Some(name) = database.name {
                self.administer("postgres", format!("CREATE DATABASE {name}"))
                    .await?;
            }
        }
        Ok(())
    }

    /// Does what a server would do by itself some minutes after an import.
    pub(super) async fn settle(&self) -> Result<()> {
        for database in PARTS.map(|part| self.database(part)) {
            if let Some(name) = database.name {
                self.administer(&name, "VACUUM (ANALYZE)".to_owned())
                    .await?;
            }
        }
        Ok(())
    }

    /// Takes the databases of a server away; a folder goes by itself.
    pub(super) async fn remove(&self) -> Result<()> {
        for database in PARTS.map(|part| self.database(part)) {
            if let Some(name) = database.name {
                let gone = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                self.administer("postgres", gone).await?;
            }
        }
        Ok(())
    }

    /// Runs a statement of words of this file at the server.
    async fn administer(&self, database: &str, sql: String) -> Result<()> {
        sqlx::any::install_default_drivers();
        let server = self.server.as_deref().context("no server")?;
        let mut connection = AnyConnection::connect(&server.replace("{}", database)).await?;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await?;
        Ok(connection.close().await?)
    }
}
