//! The golden matrix: what the rules amount to, for a person to read.
//!
//! `SAMSPOR_OPPDATER=1 cargo nextest run -p samspor-gateway --lib matrise` writes
//! `gateway/policies/matrise.md`; without it the file is compared. All of it
//! is found out by asking the rules, none of it is written by hand.

mod asked;
mod closes;
mod methods;
mod needs;
mod opens;
mod table;

use std::{collections::BTreeSet, fmt::Write as _};

use cedar_policy::Effect;
use samspor_proto::{felles::Rolle, klassifisering::kortnavn, tilgang::Handling};

pub(super) use self::asked::world;
use self::{
    asked::{Half, rule},
    closes::closing_rows,
    methods::method_rows,
    needs::{doing_witnesses, need_rows},
    opens::{has_parts, spots, type_rows},
    table::{header, join, table},
};
use super::*;
use crate::policy::vocabulary::{READ, alle_formal};

/// Lines that a person can be asked to read.
const MOST_LINES: usize = 2_250;

/// Rules for record types that no contract has yet: what the koordinerende
/// enhet oversees.
const AWAITING: [&str; 1] = ["P13"];

struct Matrix {
    text: String,
    /// Rules that have a row.
    told: BTreeSet<usize>,
    /// Methods that nobody can call.
    nobody: Vec<String>,
}

fn matrix() -> Matrix {
    let permits = Half::of(Effect::Permit);
    let forbids = Half::of(Effect::Forbid);
    let mut told = BTreeSet::new();
    let mut out = String::from(
        "# Tilgangsmatrisen

Hva reglene i `policies/` betyr, funnet ved å spørre dem. Filen skrives av en test
(`SAMSPOR_OPPDATER=1 cargo nextest run -p samspor-gateway --lib matrise`) og sammenliknes
ved hver endring. Slik leses den: en klasse utleveres når minst en regel i kapittel 3 åpner
den, vilkårene for regelen i kapittel 2 er oppfylt, og ingen regel i kapittel 4 stenger.
Det som ikke står her, er ikke tillatt. Hvilke enheter som har hvilke funksjoner, står i
kommunens fil; hva en rolle rekker til, i `roller.toml`.

## 1 Regler

",
    );
    let all_rules = KARMOY.core.rules.rules.iter().map(|rule| {
        let effect = if rule.effect == Effect::Permit {
            "åpner"
        } else {
            "stenger"
        };
        vec![
            rule.id.clone(),
            effect.to_owned(),
            rule.tekst.to_string(),
            rule.hjemmel.clone(),
            if rule.navngis { "ja" } else { "nei" }.to_owned(),
        ]
    });
    table(
        &mut out,
        &header(&["Regel", "Virkning", "Tekst", "Hjemmel", "Navngis"]),
        &all_rules.collect::<Vec<_>>(),
    );

    // Chapters 2 and 3 from the same worlds.
    let mut witnesses = doing_witnesses(&permits);
    // Types whose tables are equal share one: the table, and a line for each.
    let mut types: Vec<(String, Vec<(&str, String)>)> = Vec::new();
    let mut closed_to_all: Vec<Vec<String>> = Vec::new();
    for (name, r#type) in &kontrakter().ressurser {
        let spots = spots(&permits, r#type);
        for spot in &spots {
            told.insert(spot.rule);
            witnesses
                .entry((spot.rule, spot.klasse))
                .or_insert_with(|| {
                    let mut world = world(spot.rolle, READ, spot.formal, name);
                    world.eier = spot.eier;
                    world.del = [Part::Head, Part::Own, Part::Other][usize::from(spot.del)];
                    (world, BTreeSet::new())
                });
        }
        let existence = Dataklasse::try_from(r#type.ressurs.eksistensklasse).unwrap();
        let columns: Vec<Dataklasse> = (r#type.klasser
            | Klasser::av(&[existence, Dataklasse::Teknisk]))
        .iter()
        .collect();
        let with_parts = has_parts(r#type);
        let known = format!(
            "Navn `{}`. Finnes for den som har {}.{}",
            r#type.ressurs.monster,
            kortnavn(existence),
            if r#type.ressurs.eier_felt.is_empty() {
                " Ingen enhet eier posten."
            } else {
                ""
            },
        );
        let mut head = header(&["Regel", "Roller", "Formål", "Eier"]);
        if with_parts {
            head.push("Deler".to_owned());
        }
        head.extend(columns.iter().map(|class| kortnavn(*class).to_owned()));
        let mut rows = String::new();
        table(&mut rows, &head, &type_rows(&spots, with_parts, &columns));
        match types.iter_mut().find(|(same, _)| *same == rows) {
            Some((_, sharing)) => sharing.push((name, known)),
            None => types.push((rows, vec![(name, known)])),
        }

        let by_staff: Klasser = spots
            .iter()
            .filter(|spot| spot.rolle != Rolle::Innbygger && rule(spot.rule).id != "P18")
            .map(|spot| spot.klasse)
            .collect();
        let unread = r#type.klasser.uten(by_staff);
        if !unread.er_tom() {
            closed_to_all.push(vec![name.clone(), join(unread.iter().map(kortnavn))]);
        }
    }
    told.extend(witnesses.keys().map(|(at, _)| *at));

    out += "## 2 Vilkår for at en regel åpner

Funksjon: en av dem holder. Fakta: ett av dem holder. Strek: kreves ikke. For lesing står
rollene i kapittel 3.

";
    table(
        &mut out,
        &header(&["Regel", "Klasser", "Roller", "Funksjon", "Fakta", "Ellers"]),
        &need_rows(&permits, &witnesses),
    );
    out += "## 3 Hva som kan leses, per posttype

Roller og formål er de som `formaal.toml` binder sammen. TEKNISK følger med enhver annen
klasse. Posttyper som leses likt, står sammen.

";
    for (rows, sharing) in &types {
        let names: Vec<&str> = sharing.iter().map(|(name, _)| *name).collect();
        let known: Vec<&str> = sharing.iter().map(|(_, known)| known.as_str()).collect();
        // A line each, also where the page is set.
        let known = known.join("  \n");
        write!(out, "### {}\n\n{known}\n\n{rows}", names.join(", ")).unwrap();
    }
    out += "### Klasser som ingen ansatt leser uten samtykke\n\n";
    table(&mut out, &header(&["Posttype", "Klasser"]), &closed_to_all);

    out += "## 4 Hva som stenger

Prøvd for en saksbehandler i en enhet uten relasjon, mot en post som en annen enhet eier.
`les` er lesing; ellers raden i tabellen over handlinger.

";
    let rows = closing_rows(&forbids);
    for row in &rows {
        let at = KARMOY
            .core
            .rules
            .rules
            .iter()
            .position(|rule| rule.id == row[0]);
        told.insert(at.unwrap());
    }
    table(
        &mut out,
        &header(&["Regel", "Når", "Stenger for", "Klasser", "Løftes av"]),
        &rows,
    );

    out += "## 5 Metoder

Hvem som kan kalle hva, for hvilket formål, når alle andre vilkår er oppfylt.

";
    let mut nobody = Vec::new();
    let rows = method_rows(&mut nobody);
    table(
        &mut out,
        &header(&["Metode", "Handling", "Posttype", "Rad", "Formål", "Roller"]),
        &rows,
    );
    Matrix {
        text: out,
        told,
        nobody,
    }
}

#[test]
fn matrise() {
    let Matrix { text, told, nobody } = matrix();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/matrise.md");
    if variable("SAMSPOR_OPPDATER").is_some() {
        std::fs::write(path, &text).unwrap();
    }

    // Exhaustive: every rule has a row, every method somebody who can call it.
    let rules = &KARMOY.core.rules.rules;
    let untold: Vec<&str> = (0..rules.len())
        .filter(|at| !told.contains(at))
        .map(|at| rules[at].id.as_str())
        .collect();
    assert_eq!(untold, AWAITING, "rules without a row");
    assert_eq!(nobody, Vec::<String>::new(), "methods that nobody can call");
    let lines = text.lines().count();
    assert!(lines <= MOST_LINES, "{lines} lines");

    let golden = std::fs::read_to_string(path).unwrap_or_default();
    if let Some((at, (is, was))) = text
        .lines()
        .chain(["end"])
        .zip(golden.lines().chain(["end"]))
        .enumerate()
        .find(|(_, (is, was))| is != was)
    {
        panic!(
            "policies/matrise.md differs from line {}:\nwas {was}\nis  {is}\nread the difference, then refresh it with SAMSPOR_OPPDATER=1",
            at + 1
        );
    }
}

/// A row that the contract names has a rule; a mutation names at least one.
#[test]
fn every_mutation_has_a_row_with_a_rule() {
    for method in kontrakter().metoder.values() {
        let rows = &method.tilgang.rad;
        let mutates = matches!(
            method.tilgang.handling(),
            Handling::Skriv | Handling::Inntak
        );
        assert_eq!(mutates, !rows.is_empty(), "{}", method.sti);
        for row in rows {
            assert!(ROWS.contains(&row.as_str()), "{} names {row}", method.sti);
            assert!(KARMOY.core.rules.row(row).is_some(), "no rule for {row}");
        }
    }
    let _ = alle_formal();
}

/// A misspelt record type in a rule would open or close nothing.
#[test]
fn every_type_that_a_rule_names_is_in_a_contract() {
    // Of contracts that come with their services.
    let later = [
        "overforing",
        "koordinator",
        "melding",
        "bekymringsmelding",
        "klage",
        "tiltak",
        "evaluering",
    ];
    let unknown: BTreeSet<&str> = KARMOY
        .core
        .rules
        .literals()
        .filter(|name| !kontrakter().ressurser.contains_key(*name) && !later.contains(name))
        .collect();
    assert_eq!(unknown, BTreeSet::new());
}
