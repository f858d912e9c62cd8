//! A throwaway PostgreSQL cluster from local server binaries, shared by every
//! test process of the machine.
//!
//! The first test that asks makes the cluster in the temporary folder and
//! starts it on a Unix socket; those that follow find it. Each test gets a
//! database of its own. A small shell loop stops the cluster and deletes it
//! when nobody has used it for a minute. Two locks keep order: `setup.lock`
//! while somebody starts or stops it, `users.lock` (shared) while somebody
//! uses it.

use std::{
    fs::{self, File, OpenOptions},
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
};

use sqlx::{AnyConnection, Connection as _};

use super::request_id;

/// A cluster that this process uses until it ends.
struct Cluster {
    socket: PathBuf,
    _used: File,
}

/// A database of one test; dropped with it.
pub(super) struct TestDatabase {
    cluster: &'static Cluster,
    name: String,
}

impl TestDatabase {
    pub(super) fn url(&self) -> String {
        self.cluster.url(&self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.cluster
            .administer(format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// A new database; none, said in a line, without server binaries.
pub(super) fn create() -> Option<TestDatabase> {
    let cluster = cluster()?;
    let name = format!("test_{}", request_id().replace('-', ""));
    // Copied as files: without fsync that is the fastest way.
    cluster.administer(format!(
        "CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy"
    ));
    Some(TestDatabase { cluster, name })
}

fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER
        .get_or_init(|| {
            let Some(binaries) = binaries() else {
                missing();
                return None;
            };
            Some(Cluster::join(&binaries))
        })
        .as_ref()
}

#[expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "whoever runs the tests must see what was not run"
)]
fn missing() {
    assert!(
        !std::env::var("SAMSPOR_REQUIRE_POSTGRES").is_ok_and(|value| value == "1"),
        "PostgreSQL server binaries not found, and SAMSPOR_REQUIRE_POSTGRES=1"
    );
    println!(
        "SKIPPED: PostgreSQL server binaries not found (initdb, pg_ctl and postgres \
         on PATH or in /usr/lib/postgresql/*/bin)"
    );
}

/// The folder with `initdb`, `pg_ctl` and `postgres`.
#[expect(clippy::disallowed_methods, reason = "looks along PATH")]
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path);
    let mut installed: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    installed.sort();
    on_path
        .chain(installed.into_iter().rev())
        .filter_map(|folder| {
            let initdb = folder.join("initdb").canonicalize().ok()?;
            initdb.parent().map(Path::to_owned)
        })
        .find(|folder| {
            ["pg_ctl", "postgres"]
                .iter()
                .all(|program| folder.join(program).is_file())
        })
}

impl Cluster {
    /// Joins the cluster of the machine, and starts it first where needed.
    fn join(binaries: &Path) -> Self {
        let owner = Owner::of_servers();
        // One per installation; short, because a socket's path must be.
        let installation =
            BuildHasherDefault::<DefaultHasher>::default().hash_one(binaries) & 0xffff_ffff;
        let base =
            std::env::temp_dir().join(format!("samspor-pg-{installation:08x}-{}", owner.uid));
        fs::create_dir_all(&base).expect("folder of the test cluster");
        owner.give(&base);
        let open = |name: &str| {
            OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(base.join(name))
                .expect("lock of the test cluster")
        };
        let setup = open("setup.lock");
        setup.lock().expect("lock of the test cluster");
        let used = open("users.lock");
        used.lock_shared().expect("lock of the test cluster");
        // Its age tells when the last user came.
        fs::write(base.join("used"), "").expect("folder of the test cluster");

        let data = base.join("cluster");
        let runs = owner
            .command(&binaries.join("pg_ctl"))
            .args(["status", "-s", "-D"])
            .arg(&data)
            .output()
            .expect("pg_ctl");
        if !runs.status.success() {
            start(&owner, binaries, &base, &data);
        }
        drop(setup);
        Self {
            socket: data,
            _used: used,
        }
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://samspor@localhost/{database}?host={}",
            self.socket.display()
        )
    }

    /// Runs a statement beside the test's own runtime. Words of this file only.
    fn administer(&self, sql: String) {
        let url = self.url("postgres");
        thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("runtime")
                .block_on(async {
                    sqlx::any::install_default_drivers();
                    let mut connection = AnyConnection::connect(&url)
                        .await
                        .expect("connection to the test cluster");
                    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                        .execute(&mut connection)
                        .await
                        .expect("test database");
                    connection.close().await.expect("close");
                });
        })
        .join()
        .expect("test database");
    }
}

/// Makes and starts the cluster. Without fsync: what a power cut would do to a
/// test is of no interest, and a killed client loses nothing by it.
fn start(owner: &Owner, binaries: &Path, base: &Path, data: &Path) {
    // What a crash of the machine left.
    let _ = fs::remove_dir_all(data);
    fs::create_dir(data).expect("folder of the test cluster");
    owner.give(data);
    run(owner
        .command(&binaries.join("initdb"))
        .args([
            "-U",
            "samspor",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
            "-D",
        ])
        .arg(data));
    let options = format!(
        "-c listen_addresses='' -c unix_socket_directories='{}' -c max_connections=300 \
         -c fsync=off -c full_page_writes=off -c synchronous_commit=off \
         -c shared_buffers=64MB -c autovacuum=off",
        data.display()
    );
    run(owner
        .command(&binaries.join("pg_ctl"))
        .args(["start", "-s", "-w", "-t", "60", "-o", &options, "-l"])
        .arg(data.join("log"))
        .arg("-D")
        .arg(data));
    watch(owner, binaries, base, data);
}

/// Runs a command without letting it hold on to the test's output.
fn run(command: &mut Command) {
    let program = command.get_program().to_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("PostgreSQL server binary");
    assert!(status.success(), "{} failed", program.display());
}

/// Leaves behind a loop that stops and deletes the cluster when it is unused.
fn watch(owner: &Owner, binaries: &Path, base: &Path, data: &Path) {
    let script = r#"
        while sleep 20; do
            [ -d "$2" ] || exit
            [ -n "$(find "$1/used" -mmin +1)" ] || continue
            flock -n "$1/setup.lock" flock -n "$1/users.lock" \
                sh -c '"$2/pg_ctl" stop -s -m immediate -D "$1"; rm -rf "$1"' - "$2" "$3" && exit
        done
    "#;
    let _ = owner
        .command(Path::new("sh"))
        .args(["-c", script, "-"])
        .args([base, data, binaries])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
}

/// As whom the server runs: it refuses root.
struct Owner {
    uid: u32,
    switch: bool,
}

impl Owner {
    /// This user, or `postgres` when this user is root.
    fn of_servers() -> Self {
        let own = id(&["-u"]).expect("id");
        if own != 0 {
            return Self {
                uid: own,
                switch: false,
            };
        }
        Self {
            uid: id(&["-u", "postgres"])
                .expect("as root, the tests need a user `postgres` to run the server as"),
            switch: true,
        }
    }

    /// A command that runs as the owner.
    fn command(&self, program: &Path) -> Command {
        if !self.switch {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--init-groups"])
            .arg(program)
            // The test may stand in a folder that is closed to others.
            .current_dir("/");
        command
    }

    /// Makes the folder the owner's.
    fn give(&self, folder: &Path) {
        if self.switch {
            std::os::unix::fs::chown(folder, Some(self.uid), None)
                .expect("folder of the test cluster");
        }
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
