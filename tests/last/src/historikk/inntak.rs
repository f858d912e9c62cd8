//! The history that is taken in, and how fast.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::{Result, ensure};
use samspor::{
    importer::{self, Egne, Valg},
    serve::Part,
};
use samspor_boligkontor::Regler;
use samspor_chassis::tid::Tid;
use samspor_koordinering::{Settings, nokler::Nokkelring};
use serde_json::json;

use super::{Mengde, sted::Sted};
use crate::proc;

/// Takes in all of it, unless it is there; gives the ids of the persons.
pub(super) async fn take_in(sted: &Sted, mengde: &Mengde) -> Result<Vec<String>> {
    println!(
        "{} persons, {} service lines, {} contacts; chunks of {}",
        mengde.personer, mengde.linjer, mengde.kontakter, mengde.bunke
    );
    let at = sted.folder();
    let persons = at.join("personer.ndjson");
    let answers = persons.with_extension("ndjson.svar");
    let complete = at.join("tatt-inn");
    if !complete.exists() {
        sted.prepare().await?;
        write(
            &persons,
            mengde.personer,
            |n| json!({ "ref": format!("p{n}"), "fodselsnummer": number(n) }),
        )?;
        importer(sted, Part::Koordinering, &persons, None, mengde).await?;

        let decisions = at.join("vedtak.ndjson");
        let each = (mengde.linjer / mengde.personer).max(1);
        write(&decisions, mengde.personer, |n| vedtak(n, each))?;
        let part = Part::Bestillerkontor;
        importer(sted, part, &decisions, Some(&answers), mengde).await?;

        let contacts = at.join("kontakter.ndjson");
        write(&contacts, mengde.kontakter, |n| contact(n, mengde))?;
        importer(sted, Part::Rop, &contacts, Some(&answers), mengde).await?;
        std::fs::remove_file(contacts)?;
        sted.settle().await?;
        File::create(complete)?;
    }
    let read: Result<Vec<serde_json::Value>, _> = std::fs::read_to_string(&answers)?
        .lines()
        .map(serde_json::from_str)
        .collect();
    let ids = read?.into_iter().map(|line| {
        line.get("person")
            .and_then(|id| id.as_str())
            .unwrap_or_default()
            .to_owned()
    });
    Ok(ids.collect())
}

pub(super) async fn importer(
    sted: &Sted,
    part: Part,
    fil: &Path,
    personer: Option<&Path>,
    mengde: &Mengde,
) -> Result<()> {
    let valg = Valg {
        fil: fil.to_owned(),
        bunke: mengde.bunke,
        personer: personer.map(Path::to_owned),
        kommune: "karmoy".to_owned(),
        policy: None,
    };
    let mut settings = Settings::new(Nokkelring::les(&format!("a:{}", "5a".repeat(32)))?);
    settings.syntetiske = true;
    let egne = Egne {
        koordinering: Some(settings),
        boligregler: Some(Regler::innebygd("karmoy")?),
    };
    let url = sted.database(part).url;
    let begun = tokio::time::Instant::now();
    let cpu = proc::cpu(std::process::id())?;
    let done = importer::run(part, &url, egne, &valg, |_| {}).await?;
    ensure!(
        done.avvist == 0 && done.nye == done.lest,
        "{part:?}: {done:?}"
    );
    let time = begun.elapsed().as_secs_f64();
    let cpu = proc::cpu(std::process::id())? - cpu;
    println!(
        "  {}: {} records in {} commits, {time:.1} s, {:.0} records/s, {:.0} µs CPU each",
        part.name(),
        done.nye,
        done.bunker,
        done.nye as f64 / time,
        cpu as f64 / done.nye as f64
    );
    Ok(())
}

pub(super) fn write(
    file: &Path,
    count: usize,
    line: impl Fn(usize) -> serde_json::Value,
) -> Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    for n in 0..count {
        writeln!(out, "{}", line(n))?;
    }
    Ok(out.flush()?)
}

/// The `n`th well-formed number of a synthetic person (month + 80).
fn number(n: usize) -> String {
    const K1: [usize; 9] = [3, 7, 6, 1, 8, 9, 4, 5, 2];
    const K2: [usize; 10] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
    let control = |digits: &[usize], weights: &[usize]| {
        let sum: usize = digits
            .iter()
            .zip(weights)
            .map(|(digit, weight)| digit * weight)
            .sum();
        (11 - sum % 11) % 11
    };
    // About one number of six has no control digits; a day has enough for 600.
    let mut left = n % 600;
    let day = n / 600;
    let date = format!(
        "{:02}{:02}{:02}",
        day % 28 + 1,
        day / 28 % 12 + 81,
        day / 336 % 40 + 20
    );
    for individual in 0..1_000 {
        let mut digits: Vec<usize> = format!("{date}{individual:03}")
            .bytes()
            .map(|digit| usize::from(digit - b'0'))
            .collect();
        let first = control(&digits, &K1);
        digits.push(first);
        let second = control(&digits, &K2);
        digits.push(second);
        if first == 10 || second == 10 {
            continue;
        }
        if left == 0 {
            return digits.iter().map(ToString::to_string).collect();
        }
        left -= 1;
    }
    // A day that has too few of them; the import refuses the line and tells.
    String::new()
}

fn hjemmel() -> serde_json::Value {
    json!({ "lov": "helse- og omsorgstjenesteloven", "paragraf": "§ 3-2 første ledd nr. 6 b" })
}

/// A vedtak of so many lines, of which the first is still in force.
fn vedtak(n: usize, lines: usize) -> serde_json::Value {
    let year = 2016 + n % 9;
    let line = |number: usize| {
        let (type_, unit) = match number % 3 {
            0 => ("ROP_OPPFOLGING", "rop"),
            1 => ("BOVEILEDNING", "bom"),
            _ => ("HJEMMESYKEPLEIE", "hjemmetjeneste"),
        };
        // Those of one type follow each other.
        let begun = year * 12 + number / 3;
        let day = |months: usize, day| format!("{}-{:02}-{day}", months / 12, months % 12 + 1);
        let open = number == lines - 1;
        json!({
            "type": type_, "min_timer": 1.0, "maks_timer": 4.0, "enheter": [unit],
            "fra": day(begun, "02"), "til": if open { String::new() } else { day(begun, "28") },
        })
    };
    // The last one goes on, and its unit answers for the person.
    let responsible = match (lines - 1) % 3 {
        0 => "rop",
        1 => "bom",
        _ => "hjemmetjeneste",
    };
    json!({
        "ref": format!("v{n}"), "person": format!("p{n}"),
        "sokt": format!("{}-11-02", year - 1), "eget_onske": "Ro til å sove",
        "fattet": format!("{}-12-01", year - 1), "fattet_av": "b1",
        "underrettet": format!("{}-12-05", year - 1),
        "hovedansvarlig": responsible, "hjemmel": hjemmel(),
        "begrunnelse": "Trenger hjelp til å holde på boligen", "personens_syn": "ENIG",
        "linjer": (0..lines).map(line).collect::<Vec<_>>(),
    })
}

/// The contacts of all persons, over ten years, in the order of time.
fn contact(n: usize, mengde: &Mengde) -> serde_json::Value {
    const TEN_YEARS: usize = 3_650 * 86_400;
    const FROM: i64 = 1_451_606_400; // 2016-01-01
    let second = n * (TEN_YEARS / mengde.kontakter.max(1)).max(1);
    let at = Tid((FROM + i64::try_from(second).unwrap_or(0)) * 1_000_000);
    json!({
        "ref": format!("k{n}"), "person": format!("p{}", n % mengde.personer),
        "type": if n.is_multiple_of(3) { "TELEFON" } else { "BESOK" },
        "utfall": if n.is_multiple_of(7) { "IKKE_MOTT" } else { "MOTT" },
        "tidspunkt": at.to_string(), "ansatt": format!("r{}", n % 40), "minutter": 45,
        "notat": "Gikk tur og snakket om uken som var. Avtalt ny tid.", "hjemmel": hjemmel(),
    })
}
