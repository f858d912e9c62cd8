//! Facts about many persons, put into a service's own feed, so that the
//! gateway reads them as it reads any.

use std::path::Path;

use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use samspor_proto::felles::{Faktum, Faktumtype, Part, Periode, part::Hvem};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

/// Facts of each person.
pub(crate) const PER_PERSON: usize = 6;
const UNITS: [&str; PER_PERSON] = [
    "rop",
    "bom",
    "nav",
    "bestillerkontor",
    "boligkontor",
    "koordinering",
];
const ROWS: usize = 500;

/// Writes the facts of so many persons to a migrated database of a service
/// that does not run, in no order of persons. Half of them are limited to one
/// record.
pub(crate) async fn seed(database: &Path, persons: usize) -> Result<()> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&format!("sqlite:{}", database.display())).await?;
    let mut transaction = connection.begin().await?;
    let total = persons * PER_PERSON;
    let numbers: Vec<usize> = (0..total).collect();
    for chunk in numbers.chunks(ROWS) {
        let values: Vec<String> = (0..chunk.len())
            .map(|row| format!("(${}, ${}, '')", row * 2 + 1, row * 2 + 2))
            .collect();
        let text = format!(
            "INSERT INTO chassis_faktum (nr, faktum, traceparent) VALUES {}",
            values.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for number in chunk {
            // A prime that divides no such total visits all, in steps.
            let fact = stated(number * 7919 % total, *number);
            query = query
                .bind(i64::try_from(number + 1)?)
                .bind(BASE64_STANDARD.encode(fact.encode_to_vec()));
        }
        query.execute(&mut *transaction).await?;
    }
    sqlx::query("INSERT INTO chassis_sekvens (navn, nr) VALUES ('faktum', $1)")
        .bind(i64::try_from(total)?)
        .execute(&mut *transaction)
        .await
        .context("the feed is not empty")?;
    transaction.commit().await?;
    connection.close().await?;
    Ok(())
}

fn stated(which: usize, position: usize) -> Faktum {
    let person = random_looking(which / PER_PERSON);
    let record = format!("0198c5a4-9a3e-7000-8000-{position:012x}");
    Faktum {
        post: if which.is_multiple_of(2) {
            format!("personer/{person}/vedtak/{record}")
        } else {
            String::new()
        },
        id: record,
        part: Some(Part {
            hvem: UNITS
                .get(which % PER_PERSON)
                .map(|unit| Hvem::Enhet((*unit).to_owned())),
        }),
        r#type: Faktumtype::Utforer.into(),
        periode: Some(Periode {
            fra: Some(prost_types::Timestamp {
                seconds: 1_790_000_000,
                nanos: 0,
            }),
            til: None,
        }),
        opprettet_av: format!("ansatt-{}", which % 400),
        subjekt: person,
        ..Faktum::default()
    }
}

/// A person id that lies beside no other, as real ones do.
fn random_looking(n: usize) -> String {
    let spread = u64::try_from(n)
        .unwrap_or_default()
        .wrapping_add(1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-4000-8000-{n:012x}",
        spread >> 32,
        spread >> 16 & 0xffff
    )
}
