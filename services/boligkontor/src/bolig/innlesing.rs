//! The register as CSV: read whole before anything is stored, every fault of
//! every row at once; all rows are taken in, or none.

use std::collections::{BTreeMap, BTreeSet};

use samspor_chassis::{
    error::{Error, FieldFault, FieldFaults, Refusal},
    store::Tx,
};
use samspor_proto::{
    boligkontor::{
        self as proto, Bemanning, Boligegenskaper, Boligform, Bomiljo, Eierform,
        ImporterBoligerResponse, Radfeil, Radrapport, Radutfall, Standard, Tildelingstype,
    },
    felles::Feilgrunn,
};

use super::{Bolig, Egenskaper, Tilstand, rules, store};

/// Rows of one file at most.
const MANGE: usize = 20_000;
/// Rows of a report at most.
const RAPPORTERT: usize = 1_000;

/// A column: its name, the text of a dwelling in it, and the text read back.
/// False where the text says nothing that the column can hold.
struct Kolonne {
    navn: &'static str,
    skriv: fn(&proto::Bolig) -> String,
    les: fn(&str, &mut Linje) -> bool,
    /// What would be taken.
    form: &'static str,
}

/// A row, as it is written.
#[derive(Debug, Default)]
struct Linje {
    nokkel: String,
    tilstand: Option<Tilstand>,
    gitt: Boligegenskaper,
}

/// A row that was read: its line in the file, its number, and what it says or
/// what is wrong with it.
pub(crate) struct Rad {
    linje: i32,
    nokkel: String,
    lest: Result<(Egenskaper, Tilstand), Vec<Radfeil>>,
}

macro_rules! tekst {
    ($($field:ident)+) => {
        [$(Kolonne {
            navn: stringify!($field),
            skriv: |bolig| sagt(bolig).$field,
            les: |text, row| { text.clone_into(&mut row.gitt.$field); true },
            form: "en tekst",
        },)+]
    };
}

macro_rules! tall {
    ($($field:ident)+) => {
        [$(Kolonne {
            navn: stringify!($field),
            skriv: |bolig| sagt(bolig).$field.to_string(),
            les: |text, row| match text.parse() {
                Ok(number) => { row.gitt.$field = number; true }
                Err(_) => false,
            },
            form: "et helt tall",
        },)+]
    };
}

macro_rules! ja_nei {
    ($($field:ident)+) => {
        [$(Kolonne {
            navn: stringify!($field),
            skriv: |bolig| if sagt(bolig).$field { "ja" } else { "nei" }.to_owned(),
            les: |text, row| match text {
                "ja" => { row.gitt.$field = true; true }
                "nei" | "" => { row.gitt.$field = false; true }
                _ => false,
            },
            form: "ja eller nei",
        },)+]
    };
}

macro_rules! valg {
    ($($field:ident $type:ident $prefix:literal $form:literal;)+) => {
        [$(Kolonne {
            navn: stringify!($field),
            skriv: |bolig| {
                let value = $type::try_from(sagt(bolig).$field).unwrap_or_default();
                let name = value.as_str_name();
                name.strip_prefix($prefix).unwrap_or(name).to_owned()
            },
            les: |text, row| match $type::from_str_name(&format!("{}{text}", $prefix)) {
                Some(value) => { row.gitt.$field = value.into(); true }
                None => false,
            },
            form: $form,
        },)+]
    };
}

fn sagt(bolig: &proto::Bolig) -> Boligegenskaper {
    bolig.egenskaper.clone().unwrap_or_default()
}

/// The columns, in the order of an export. A file may have them in any order.
fn kolonner() -> Vec<Kolonne> {
    let mut columns = vec![
        Kolonne {
            navn: "nokkel",
            skriv: |bolig| bolig.nokkel.clone(),
            les: |text, row| {
                text.clone_into(&mut row.nokkel);
                !text.is_empty() && text.chars().count() <= 100
            },
            form: "nummeret i registeret, høyst 100 tegn",
        },
        Kolonne {
            navn: "tilstand",
            skriv: |bolig| {
                let name = bolig.tilstand().as_str_name();
                name.trim_start_matches("BOLIGTILSTAND_").to_owned()
            },
            les: |text, row| {
                row.tilstand = Tilstand::fra_kode(text);
                text.is_empty() || row.tilstand.is_some()
            },
            form: "LEDIG, KLARGJORES eller UTE_AV_DRIFT",
        },
    ];
    columns.extend(tekst!(navn adresse omrade));
    columns.extend(valg!(
        boligform Boligform "BOLIGFORM_" "en boligform: ORDINAER, OMSORGSBOLIG, HARDFOR …";
        tildelingstype Tildelingstype "TILDELINGSTYPE_"
            "MIDLERTIDIG, KOMMUNAL_UTLEIE, HARDFOR eller OMSORGSBOLIG";
        eierform Eierform "EIERFORM_" "KOMMUNAL, INNLEID eller PRIVAT_AVTALE";
        bemanning Bemanning "BEMANNING_" "INGEN, AMBULERENDE, DAG eller DOGN";
        bomiljo Bomiljo "BOMILJO_" "ORDINAERT, RUSFRITT eller AKTIV_RUS";
        standard Standard "STANDARD_" "GOD, SLITT eller DARLIG";
    ));
    columns.extend(tall!(soverom kvadratmeter etasje));
    columns.extend(ja_nei!(heis rullestol kun_kvinner));
    columns.extend(tall!(meter_butikk meter_buss meter_tjenester husleie kostnad_per_dag));
    columns.push(Kolonne {
        navn: "husregler",
        skriv: |bolig| sagt(bolig).husregler.join(" | "),
        les: |text, row| {
            row.gitt.husregler = text
                .split('|')
                .map(|rule| rule.trim().to_owned())
                .filter(|rule| !rule.is_empty())
                .collect();
            true
        },
        form: "regler med | mellom",
    });
    columns
}

/// Columns without which a row says too little; the rest have a value that
/// means nothing is known.
const FRIVILLIGE: [&str; 5] = ["tilstand", "heis", "rullestol", "kun_kvinner", "husregler"];

/// Reads a file. Faults are of the file as a whole; what is wrong with a row is
/// in the row.
pub(crate) fn les(csv: &[u8], faults: &mut FieldFaults) -> Vec<Rad> {
    let Ok(text) = std::str::from_utf8(csv) else {
        faults.form("csv", "en fil i UTF-8; lagre den med den tegnkodingen");
        return Vec::new();
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let heading = text.lines().next().unwrap_or_default();
    let between = if heading.contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(between)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns = kolonner();
    let Ok(names) = reader.headers().cloned() else {
        faults.form("csv", "en fil med overskrifter i første linje");
        return Vec::new();
    };
    let known: BTreeMap<&str, usize> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| (column.navn, place))
        .collect();
    let mut places = Vec::new();
    let mut seen = BTreeSet::new();
    for name in &names {
        match known.get(name) {
            Some(place) if seen.insert(name.to_owned()) => places.push(*place),
            Some(_) => faults.form("csv", format_args!("kolonnen «{name}» én gang")),
            None => {
                let all: Vec<&str> = columns.iter().map(|column| column.navn).collect();
                faults.unknown("csv", all.join(", "));
            }
        }
    }
    for column in &columns {
        if !seen.contains(column.navn) && !FRIVILLIGE.contains(&column.navn) {
            faults.form("csv", format_args!("en fil med kolonnen «{}»", column.navn));
        }
    }
    if !faults.is_empty() {
        return Vec::new();
    }
    let mut rows = Vec::new();
    let mut keys = BTreeSet::new();
    for record in reader.records() {
        if rows.len() == MANGE {
            faults.range("csv", 1, MANGE);
            return Vec::new();
        }
        let Ok(record) = record else {
            faults.form("csv", "en fil der hver linje er lesbar CSV");
            return Vec::new();
        };
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Linje::default();
        let mut wrong = Vec::new();
        if record.len() != places.len() {
            wrong.push(feil(
                "",
                Feilgrunn::FeltForm,
                &format!("{} kolonner, som i overskriften", places.len()),
            ));
        }
        for (text, place) in record.iter().zip(&places) {
            let Some(column) = columns.get(*place) else {
                continue;
            };
            if !(column.les)(text, &mut row) {
                wrong.push(feil(column.navn, Feilgrunn::FeltForm, column.form));
            }
        }
        rows.push(Rad {
            linje: i32::try_from(line).unwrap_or(i32::MAX),
            nokkel: row.nokkel.clone(),
            lest: kontroller(row, wrong, &mut keys),
        });
    }
    if rows.is_empty() {
        faults.form("csv", "en fil med minst én rad");
    }
    rows
}

fn feil(column: &str, reason: Feilgrunn, fix: &str) -> Radfeil {
    Radfeil {
        kolonne: column.to_owned(),
        grunn: reason.into(),
        rettes_til: fix.to_owned(),
    }
}

/// What a fault says would be taken.
fn rettes_til(keys: &BTreeMap<&'static str, String>) -> String {
    if let (Some(least), Some(most)) = (keys.get("min"), keys.get("maks")) {
        return format!("{least}–{most}");
    }
    let all: Vec<&str> = keys.values().map(String::as_str).collect();
    all.join(", ")
}

/// Holds a row to what a dwelling is held to.
fn kontroller(
    row: Linje,
    mut wrong: Vec<Radfeil>,
    keys: &mut BTreeSet<String>,
) -> Result<(Egenskaper, Tilstand), Vec<Radfeil>> {
    if !row.nokkel.is_empty() && !keys.insert(row.nokkel.clone()) {
        let fix = "et nummer som bare én rad har";
        wrong.push(feil("nokkel", Feilgrunn::FeltMotstrid, fix));
    }
    let unheld = [Tilstand::Ledig, Tilstand::Klargjores, Tilstand::UteAvDrift];
    let state = row.tilstand.unwrap_or(Tilstand::Klargjores);
    let mut faults = FieldFaults::new();
    let read = Egenskaper::les(row.gitt, "", &mut faults);
    if let Err(refusal) = faults.finish() {
        let told: BTreeSet<String> = wrong.iter().map(|one| one.kolonne.clone()).collect();
        for FieldFault {
            felt,
            grunn,
            nokler,
        } in refusal.felt
        {
            let column = felt.split('[').next().unwrap_or_default().to_owned();
            if told.contains(&column) {
                continue;
            }
            wrong.push(feil(&column, grunn, &rettes_til(&nokler)));
        }
    }
    if wrong.is_empty() {
        // Whether it is held is known where the row meets the register.
        return Ok((
            read,
            if unheld.contains(&state) {
                state
            } else {
                Tilstand::Utleid
            },
        ));
    }
    Err(wrong)
}

/// Takes in what was read, or says what would be.
pub(crate) async fn ta_inn(
    tx: &mut Tx,
    rows: Vec<Rad>,
    prove: bool,
) -> Result<ImporterBoligerResponse, Error> {
    tx.lock("boligregister").await?;
    let keys: BTreeSet<&str> = rows.iter().map(|row| row.nokkel.as_str()).collect();
    let known: BTreeMap<String, Bolig> = match (keys.first(), keys.last()) {
        (Some(first), Some(last)) => store::kjente(tx, first, last)
            .await?
            .into_iter()
            .map(|bolig| (bolig.nokkel.clone(), bolig))
            .collect(),
        _ => BTreeMap::new(),
    };
    let mut answer = ImporterBoligerResponse::default();
    let (mut nye, mut endret) = (Vec::new(), Vec::new());
    for Rad {
        linje,
        nokkel,
        lest,
    } in rows
    {
        let outcome = match lest {
            Err(wrong) => Err(wrong),
            Ok((egenskaper, state)) => match known.get(&nokkel) {
                Some(bolig) if bolig.innhold.egenskaper == egenskaper => Ok(Radutfall::Uendret),
                Some(bolig) => match rules::endre(bolig.clone(), egenskaper) {
                    Ok(changed) => {
                        endret.push(changed);
                        Ok(Radutfall::Endret)
                    }
                    Err(refusal) => Err(vec![avvist(&refusal)]),
                },
                None if state == Tilstand::Utleid => Err(vec![feil(
                    "tilstand",
                    Feilgrunn::FeltUkjentVerdi,
                    "LEDIG, KLARGJORES eller UTE_AV_DRIFT; leieforhold leses inn for seg",
                )]),
                None => {
                    let (id, empty, now) = (tx.new_id(), tx.new_id(), tx.now());
                    let key = nokkel.clone();
                    nye.push(rules::ny(id, key, egenskaper, state, (empty, now)));
                    Ok(Radutfall::Ny)
                }
            },
        };
        let (utfall, feil) = match outcome {
            Ok(outcome) => (outcome, Vec::new()),
            Err(wrong) => (Radutfall::Feil, wrong),
        };
        let count = match utfall {
            Radutfall::Ny => &mut answer.nye,
            Radutfall::Endret => &mut answer.endret,
            Radutfall::Uendret => &mut answer.uendret,
            Radutfall::Feil | Radutfall::Unspecified => &mut answer.feil,
        };
        *count += 1;
        if utfall != Radutfall::Uendret {
            answer.rader.push(Radrapport {
                linje,
                nokkel,
                utfall: utfall.into(),
                feil,
            });
        }
    }
    if answer.feil > 0 {
        // With faults nothing is stored: the faults are what is to be read.
        answer
            .rader
            .retain(|row| row.utfall == i32::from(Radutfall::Feil));
    }
    answer.rader.truncate(RAPPORTERT);
    if prove || answer.feil > 0 {
        return Ok(answer);
    }
    if !store::sett_inn(tx, &nye).await? {
        return Err(Refusal::conflict("en av boligene, registrert mens filen ble lest").into());
    }
    for bolig in &mut endret {
        store::lagre(tx, bolig, rules::Tomgangsendring::default()).await?;
    }
    answer.lagret = true;
    Ok(answer)
}

/// A known dwelling that cannot change as the row says.
fn avvist(refusal: &Refusal) -> Radfeil {
    match refusal.felt.first() {
        Some(fault) => {
            let column = fault.felt.rsplit('.').next().unwrap_or_default();
            feil(column, fault.grunn, &rettes_til(&fault.nokler))
        }
        None => feil("tilstand", refusal.grunn, "en bolig som er i beholdningen"),
    }
}

/// Dwellings of a list as a file that can be taken in. What the reader may not
/// see is an empty cell.
///
/// # Errors
/// A row that cannot be written.
pub fn som_csv(boliger: &[proto::Bolig]) -> Result<Vec<u8>, csv::Error> {
    let columns = kolonner();
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .from_writer(Vec::new());
    writer.write_record(columns.iter().map(|column| column.navn))?;
    for bolig in boliger {
        writer.write_record(columns.iter().map(|column| (column.skriv)(bolig)))?;
    }
    writer
        .into_inner()
        .map_err(|fault| fault.into_error().into())
}
