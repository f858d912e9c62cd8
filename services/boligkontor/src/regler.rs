//! The municipality's own rules: adopted conditions, and who goes first, as
//! data with their source (`data/kommuner/*.toml`).
//!
//! A file holds editions in the order of their first day. A ranking of a past
//! day uses the edition that held then.

use std::{collections::BTreeSet, ops::Range, path::Path};

use samspor_chassis::{
    domene::Dag,
    error::{Error, Refusal},
    store::Tx,
};
use samspor_proto::{boligkontor::Tildelingstype, felles::Feilgrunn};
use serde::Deserialize;
use toml::Spanned;

use crate::bolig::{TYPER, typenokkel};

const INNEBYGDE: [(&str, &str); 5] = [
    ("karmoy", include_str!("../data/kommuner/karmoy.toml")),
    ("sarpsborg", include_str!("../data/kommuner/sarpsborg.toml")),
    ("levanger", include_str!("../data/kommuner/levanger.toml")),
    ("alesund", include_str!("../data/kommuner/alesund.toml")),
    (
        "kristiansund",
        include_str!("../data/kommuner/kristiansund.toml"),
    ),
];

/// Why the rules cannot be used. One line that an operator can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regelfeil(String);

impl std::fmt::Display for Regelfeil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Regelfeil {}

/// The rules of one municipality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regler {
    pub(crate) kommune: String,
    /// By first day.
    sett: Vec<Regelsett>,
}

/// One edition of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regelsett {
    pub(crate) versjon: String,
    gjelder_fra: Dag,
    vilkar: Vec<Vilkar>,
    prioritet: Vec<Prioritet>,
}

/// An adopted condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vilkar {
    pub(crate) nokkel: String,
    typer: Vec<String>,
    /// Somebody who does not meet it can be taken all the same, with a reason.
    pub(crate) unntak: bool,
}

/// A group that goes before those below it in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prioritet {
    pub(crate) nokkel: String,
    pub(crate) tekst: String,
    typer: Vec<String>,
    /// What it is about is not named in a reason.
    pub(crate) skjermet: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fil {
    kommune: Spanned<String>,
    #[serde(default)]
    regelsett: Vec<Sett>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sett {
    versjon: Spanned<String>,
    gjelder_fra: Spanned<String>,
    #[serde(default)]
    vilkar: Vec<Linje>,
    #[serde(default)]
    prioritet: Vec<Linje>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Linje {
    nokkel: Spanned<String>,
    tekst: Spanned<String>,
    typer: Vec<Spanned<String>>,
    kilde: Spanned<String>,
    unntak: Option<Spanned<bool>>,
    skjermet: Option<Spanned<bool>>,
}

/// A file while it is read.
struct Leser<'f> {
    fil: &'f str,
    tekst: &'f str,
}

impl Leser<'_> {
    fn feil(&self, at: &Range<usize>, hva: impl std::fmt::Display) -> Regelfeil {
        let before = self.tekst.get(..at.start).unwrap_or(self.tekst);
        let line = before.matches('\n').count() + 1;
        Regelfeil(format!("{}:{line}: {hva}", self.fil))
    }

    /// A word that other files and records use.
    fn nokkel(&self, key: &Spanned<String>) -> Result<String, Regelfeil> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        let text = key.get_ref();
        if text.is_empty() || !text.chars().all(plain) {
            return Err(self.feil(
                &key.span(),
                format_args!("{text:?} is no key; use a-z, 0-9, _ and -"),
            ));
        }
        Ok(text.clone())
    }

    fn linje(
        &self,
        line: &Linje,
        seen: &mut BTreeSet<String>,
    ) -> Result<(String, Vec<String>), Regelfeil> {
        let key = self.nokkel(&line.nokkel)?;
        let span = line.nokkel.span();
        if !seen.insert(key.clone()) {
            return Err(self.feil(&span, format_args!("{key} stands twice in the edition")));
        }
        for (text, what) in [(&line.tekst, "tekst"), (&line.kilde, "kilde")] {
            if text.get_ref().trim().is_empty() {
                return Err(self.feil(&text.span(), format_args!("{what} of {key} is empty")));
            }
        }
        let known: Vec<&str> = TYPER.map(typenokkel).into();
        for type_ in &line.typer {
            if !known.contains(&type_.get_ref().as_str()) {
                let known = known.join(", ");
                let what = format_args!("{:?} is no type; known: {known}", type_.get_ref());
                return Err(self.feil(&type_.span(), what));
            }
        }
        if line.typer.is_empty() {
            return Err(self.feil(&span, format_args!("{key} is for no type; fill in typer")));
        }
        let types = line.typer.iter().map(|type_| type_.get_ref().clone());
        Ok((key, types.collect()))
    }

    fn sett(&self, sett: &Sett) -> Result<Regelsett, Regelfeil> {
        let versjon = self.nokkel(&sett.versjon)?;
        let day: &Spanned<String> = &sett.gjelder_fra;
        let gjelder_fra = day.get_ref().parse().map_err(|_| {
            let what = format_args!("{:?} is no day YYYY-MM-DD", day.get_ref());
            self.feil(&day.span(), what)
        })?;
        let mut seen = BTreeSet::new();
        let mut vilkar = Vec::new();
        for line in &sett.vilkar {
            let (nokkel, typer) = self.linje(line, &mut seen)?;
            if let Some(wrong) = &line.skjermet {
                return Err(self.feil(&wrong.span(), "skjermet belongs to a priority"));
            }
            let Some(unntak) = &line.unntak else {
                let what = format_args!("{nokkel} does not say whether it has exceptions (unntak)");
                return Err(self.feil(&line.nokkel.span(), what));
            };
            let unntak = *unntak.get_ref();
            vilkar.push(Vilkar {
                nokkel,
                typer,
                unntak,
            });
        }
        let mut seen = BTreeSet::new();
        let mut prioritet = Vec::new();
        for line in &sett.prioritet {
            let (nokkel, typer) = self.linje(line, &mut seen)?;
            if let Some(wrong) = &line.unntak {
                return Err(self.feil(&wrong.span(), "unntak belongs to a condition"));
            }
            prioritet.push(Prioritet {
                nokkel,
                tekst: line.tekst.get_ref().trim().to_owned(),
                typer,
                skjermet: line.skjermet.as_ref().is_some_and(|said| *said.get_ref()),
            });
        }
        Ok(Regelsett {
            versjon,
            gjelder_fra,
            vilkar,
            prioritet,
        })
    }
}

impl Regler {
    /// Key of the municipality whose they are.
    #[must_use]
    pub fn kommune(&self) -> &str {
        &self.kommune
    }

    /// Those that the program carries, by the municipality's name.
    ///
    /// # Errors
    /// For a municipality that it carries none for.
    pub fn innebygd(kommune: &str) -> Result<Self, Regelfeil> {
        let known = INNEBYGDE.iter().find(|(name, _)| *name == kommune);
        let Some((_, text)) = known else {
            let known: Vec<&str> = INNEBYGDE.iter().map(|(name, _)| *name).collect();
            let known = known.join(", ");
            return Err(Regelfeil(format!(
                "no rules for housing in {kommune:?}; name a file, or one of {known}"
            )));
        };
        Self::les(kommune, &format!("kommuner/{kommune}.toml"), text)
    }

    /// Those of a file.
    ///
    /// # Errors
    /// A line that names the file and where in it.
    pub fn fra_fil(kommune: &str, fil: &Path) -> Result<Self, Regelfeil> {
        let name = fil.display().to_string();
        let text = std::fs::read_to_string(fil)
            .map_err(|fault| Regelfeil(format!("cannot read {name}: {fault}")))?;
        Self::les(kommune, &name, &text)
    }

    pub(crate) fn les(kommune: &str, fil: &str, tekst: &str) -> Result<Self, Regelfeil> {
        let leser = Leser { fil, tekst };
        let read: Fil = toml::from_str(tekst).map_err(|fault| {
            let at = fault.span().unwrap_or(0..0);
            leser.feil(&at, fault.message())
        })?;
        let named = &read.kommune;
        if named.get_ref() != kommune {
            let what = format_args!(
                "the rules are those of {:?}, and the service is configured for {kommune:?}",
                named.get_ref()
            );
            return Err(leser.feil(&named.span(), what));
        }
        let mut sett: Vec<Regelsett> = Vec::new();
        for edition in &read.regelsett {
            let new = leser.sett(edition)?;
            let span = edition.gjelder_fra.span();
            if sett
                .last()
                .is_some_and(|last| last.gjelder_fra >= new.gjelder_fra)
            {
                return Err(leser.feil(&span, "an edition begins after the one before it"));
            }
            if sett.iter().any(|earlier| earlier.versjon == new.versjon) {
                let span = edition.versjon.span();
                return Err(leser.feil(&span, "another edition has this name"));
            }
            sett.push(new);
        }
        if sett.is_empty() {
            return Err(leser.feil(&(0..0), "there is no edition ([[regelsett]])"));
        }
        Ok(Self {
            kommune: kommune.to_owned(),
            sett,
        })
    }

    /// The edition that holds on a day; before the first, the first.
    ///
    /// # Errors
    /// Never: a file without an edition is not read.
    pub fn pa(&self, dag: Dag) -> Result<&Regelsett, Error> {
        let begun = self.sett.iter().rev().find(|sett| sett.gjelder_fra <= dag);
        begun
            .or(self.sett.first())
            .ok_or_else(|| Error::internal("rules without an edition"))
    }
}

impl Regelsett {
    /// Conditions for a type.
    pub(crate) fn vilkar(&self, type_: Tildelingstype) -> impl Iterator<Item = &Vilkar> {
        let key = typenokkel(type_);
        let all = self.vilkar.iter();
        all.filter(move |one| one.typer.iter().any(|for_| for_ == key))
    }

    /// Priorities for a type, the first first.
    pub(crate) fn prioritet(&self, type_: Tildelingstype) -> impl Iterator<Item = &Prioritet> {
        let key = typenokkel(type_);
        let all = self.prioritet.iter();
        all.filter(move |one| one.typer.iter().any(|for_| for_ == key))
    }
}

/// The rules that the service was started with, where they are those of the
/// municipality that the gateway serves.
///
/// # Errors
/// `ENHET_KAN_IKKE` that names both, where two configurations are mixed.
pub(crate) fn regler(tx: &Tx) -> Result<std::sync::Arc<Regler>, Error> {
    let rules = tx.settings::<Regler>()?;
    let attested = &tx.call().kommune;
    // The service's own clock has no gateway behind it.
    if !attested.is_empty() && *attested != rules.kommune {
        return Err(Refusal::new(Feilgrunn::EnhetKanIkke)
            .with("enhet", "enheter/boligkontor")
            .with(
                "feil",
                format_args!(
                    "tjenesten er satt opp med reglene til {}, gatewayen med {attested}; be \
                     driften om å rette [boligkontor] kommune",
                    rules.kommune
                ),
            )
            .into());
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_municipality_has_rules_that_can_be_read() {
        for (name, _) in INNEBYGDE {
            let rules = Regler::innebygd(name).unwrap();
            assert_eq!(rules.kommune, name);
            assert_eq!(rules.sett.first().unwrap().versjon, format!("{name}-1"));
        }
        let fault = Regler::innebygd("oslo").unwrap_err().to_string();
        assert!(fault.contains("\"oslo\"; name a file"), "{fault}");
    }

    /// The real conditions and priorities, as their sources have them.
    #[test]
    fn the_adopted_rules_are_those_of_the_sources() {
        let keys = |kommune: &str, type_| {
            let rules = Regler::innebygd(kommune).unwrap();
            let sett = rules.sett.first().unwrap();
            let conditions: Vec<_> = sett.vilkar(type_).map(|one| one.nokkel.clone()).collect();
            let first: Vec<_> = sett
                .prioritet(type_)
                .map(|one| one.nokkel.clone())
                .collect();
            (conditions.len(), first)
        };
        let utleie = Tildelingstype::KommunalUtleie;
        assert_eq!(keys("karmoy", utleie), (5, vec![]));
        let care = vec!["omsorgstrengende".to_owned()];
        assert_eq!(keys("karmoy", Tildelingstype::Omsorgsbolig), (2, care));
        assert_eq!(keys("sarpsborg", utleie), (6, vec![]));
        let groups = ["bostedslos", "barn", "etter_soning"].map(str::to_owned);
        assert_eq!(keys("alesund", utleie), (1, groups.to_vec()));
        assert_eq!(keys("kristiansund", utleie), (0, vec![]));
    }

    /// What is wrong is named with its line, and the service does not start.
    #[test]
    fn a_wrong_file_is_refused_with_its_line() {
        let good = include_str!("../data/kommuner/alesund.toml");
        let refused = |from: &str, to: &str| {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            Regler::les("alesund", "a.toml", &text)
                .unwrap_err()
                .to_string()
        };
        let line = |of: &str| {
            let before = good.split(of).next().unwrap();
            before.matches('\n').count() + 1
        };
        for (from, to, told) in [
            (
                "kommune = \"alesund\"",
                "kommune = \"karmoy\"",
                "the rules are those of \"karmoy\"",
            ),
            (
                "gjelder_fra = \"2018-01-01\"",
                "gjelder_fra = \"1.1.2018\"",
                "is no day",
            ),
            ("nokkel = \"botid\"", "nokkel = \"bo tid\"", "is no key"),
            ("unntak = true", "untak = true", "unknown field `untak`"),
            ("unntak = true", "unntak = \"ja\"", "invalid type"),
            (
                "unntak = true",
                "skjermet = true\nunntak = true",
                "skjermet belongs",
            ),
            (
                "typer = [\"kommunal_utleie\", \"hardfor\"]",
                "typer = [\"leie\"]",
                "is no type; known: midlertidig",
            ),
            (
                "typer = [\"kommunal_utleie\", \"hardfor\"]",
                "typer = []",
                "is for no type",
            ),
            (
                "nokkel = \"barn\"",
                "nokkel = \"bostedslos\"",
                "stands twice",
            ),
            (
                "tekst = \"bostedsløs\"",
                "tekst = \" \"",
                "tekst of bostedslos is empty",
            ),
        ] {
            let fault = refused(from, to);
            assert!(fault.contains(told), "{fault}");
            let near = line(from);
            let named: usize = fault.split(':').nth(1).unwrap().parse().unwrap();
            assert!(named.abs_diff(near) <= 3, "{fault}, not line {near}");
        }
        let none = Regler::les("x", "x.toml", "kommune = \"x\"").unwrap_err();
        assert!(none.to_string().contains("no edition"), "{none}");
        let again = format!(
            "{good}\n[[regelsett]]\nversjon = \"alesund-2\"\ngjelder_fra = \"2017-01-01\"\n"
        );
        let fault = Regler::les("alesund", "a.toml", &again).unwrap_err();
        assert!(fault.to_string().contains("begins after"), "{fault}");
    }

    /// Seen red: with the first edition that has begun.
    #[test]
    fn a_past_day_has_the_edition_that_held_then() {
        let text = "kommune = \"x\"\n\
             [[regelsett]]\nversjon = \"x-1\"\ngjelder_fra = \"2024-01-01\"\n\
             [[regelsett]]\nversjon = \"x-2\"\ngjelder_fra = \"2025-01-01\"\n";
        let rules = Regler::les("x", "x.toml", text).unwrap();
        let on = |day: &str| rules.pa(day.parse().unwrap()).unwrap().versjon.clone();
        assert_eq!(on("2023-06-01"), "x-1");
        assert_eq!(on("2024-12-31"), "x-1");
        assert_eq!(on("2025-01-01"), "x-2");
    }
}
