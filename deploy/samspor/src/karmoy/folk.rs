//! Who lives in the dwellings, and who waits. Nobody is invented: a person is a
//! synthetic identity number (month + 80) and a need, and has no name.
//!
//! From `data/karmoy.json`: how many wait for what, how many of them have
//! ROP-lidelser, are in temporary housing, and have been there for over three
//! months (of 2023, the last year that is told). Assumed: who of them is which,
//! the days, the needs, and when those who live somewhere moved in.

use samspor_chassis::domene::Dag;
use serde_json::{Value, json};

use super::boliger::Bolig;

/// Somebody on the list.
pub(super) struct Ventende {
    pub(super) tildelingstype: &'static str,
    /// Days since the application.
    pub(super) mottatt: i32,
    /// Days since the stay in temporary housing began; none: lives otherwise,
    /// as `situasjon` says.
    pub(super) opphold: Option<i32>,
    situasjon: &'static str,
    barn: i32,
    /// Followed up by ROP.
    pub(super) rop: bool,
    onske: &'static str,
    behov: Behov,
}

/// Area, staff, without drugs around, without stairs, bedrooms.
struct Behov(&'static str, &'static str, bool, bool, i32);

const UTLEIE: &str = "KOMMUNAL_UTLEIE";
const OMSORG: &str = "OMSORGSBOLIG";

const fn venter(
    (tildelingstype, mottatt): (&'static str, i32),
    opphold: Option<i32>,
    situasjon: &'static str,
    onske: &'static str,
    behov: Behov,
) -> Ventende {
    Ventende {
        tildelingstype,
        mottatt,
        opphold,
        situasjon,
        barn: 0,
        rop: false,
        onske,
        behov,
    }
}

/// The sixteen.
pub(super) fn ventende() -> [Ventende; 16] {
    let temporary = "MIDLERTIDIG";
    let rop = |one: Ventende| Ventende { rop: true, ..one };
    let kopervik = || Behov("Kopervik", "", false, false, 1);
    let quiet = || Behov("", "DAG", true, false, 1);
    [
        // In the dwelling for a family.
        Ventende {
            barn: 2,
            ..venter(
                (UTLEIE, 240),
                Some(131),
                temporary,
                "Et hjem der barna kan ha hvert sitt rom.",
                Behov("Åkrehamn", "", true, false, 3),
            )
        },
        venter(
            (UTLEIE, 205),
            Some(119),
            temporary,
            "Noe eget, i Kopervik.",
            Behov("Kopervik", "", true, false, 1),
        ),
        venter(
            (UTLEIE, 170),
            Some(101),
            temporary,
            "En leilighet uten trapper.",
            Behov("Skudeneshavn", "", true, true, 1),
        ),
        venter(
            (UTLEIE, 96),
            Some(72),
            temporary,
            "Å slippe å flytte igjen.",
            Behov("Kopervik", "", true, false, 2),
        ),
        venter(
            (UTLEIE, 60),
            Some(41),
            temporary,
            "Nær arbeidet.",
            Behov("Vedavågen", "", true, false, 1),
        ),
        venter(
            (UTLEIE, 45),
            None,
            "HOS_ANDRE",
            "Et sted for meg selv.",
            Behov("Avaldsnes", "", true, false, 1),
        ),
        rop(venter(
            (OMSORG, 310),
            Some(124),
            temporary,
            "Faste folk i huset.",
            Behov("", "DOGN", false, false, 1),
        )),
        rop(venter(
            (OMSORG, 280),
            Some(112),
            temporary,
            "Ro om natten.",
            quiet(),
        )),
        rop(venter(
            (OMSORG, 190),
            Some(108),
            temporary,
            "En dør jeg kan låse.",
            quiet(),
        )),
        rop(venter(
            (OMSORG, 150),
            Some(97),
            temporary,
            "Å få ha hund.",
            kopervik(),
        )),
        rop(venter(
            (OMSORG, 120),
            Some(55),
            temporary,
            "Noen å spise med.",
            quiet(),
        )),
        venter(
            (OMSORG, 110),
            Some(23),
            temporary,
            "Uten trapper.",
            Behov("", "", false, true, 1),
        ),
        venter((OMSORG, 75), Some(9), temporary, "Nær legen.", kopervik()),
        venter(
            (OMSORG, 160),
            None,
            "HOS_ANDRE",
            "Eget bad.",
            Behov("Åkrehamn", "", false, true, 1),
        ),
        venter((OMSORG, 90), None, "HOS_ANDRE", "Nær familien.", kopervik()),
        venter(
            (OMSORG, 40),
            None,
            "MISTER_BOLIG",
            "Å bli boende i bygda.",
            Behov("Torvastad", "", false, false, 1),
        ),
    ]
}

/// The Nth made-up identity number: month + 80, so that no person can have it.
pub(super) fn nummer(n: usize) -> String {
    let control = |digits: &[u32], weights: &[u32]| {
        let sum: u32 = digits.iter().zip(weights).map(|(a, b)| a * b).sum();
        (11 - sum % 11) % 11
    };
    let (day, month, year) = (1 + n % 28, 81 + n / 28 % 12, 50 + n / 336 % 45);
    for individual in 100..500 {
        let text = format!("{day:02}{month:02}{year:02}{individual}");
        let mut digits: Vec<u32> = text
            .chars()
            .filter_map(|digit| digit.to_digit(10))
            .collect();
        let first = control(&digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2]);
        digits.push(first);
        let second = control(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
        if first < 10 && second < 10 {
            return format!("{text}{first}{second}");
        }
    }
    String::new()
}

fn hjemmel(type_: &str) -> Value {
    match type_ {
        OMSORG => json!({ "lov": "helse- og omsorgstjenesteloven", "paragraf": "§ 3-7" }),
        _ => json!({ "lov": "boligsosialloven", "paragraf": "§ 6" }),
    }
}

/// Groups of the municipality's rules.
fn grunner(type_: &str) -> Vec<&'static str> {
    match type_ {
        OMSORG => vec!["omsorgstrengende"],
        _ => Vec::new(),
    }
}

/// The application that somebody waits with, on the list.
pub(super) fn sak(n: usize, person: &str, one: &Ventende, na: Dag) -> Value {
    let Behov(area, staff, sober, stairs, rooms) = &one.behov;
    let area: Vec<&str> = Some(*area)
        .filter(|area| !area.is_empty())
        .into_iter()
        .collect();
    let function = if one.rop {
        "Følges opp av ROP-tjenesten."
    } else {
        ""
    };
    json!({
        "ref": format!("karmoy-venter-{n}"), "person": person, "type": one.tildelingstype,
        "mottatt": na.pluss_dager(-one.mottatt).to_string(),
        "soknad": {
            "eget_onske": one.onske, "voksne": 1, "barn": one.barn,
            "boligsituasjon": one.situasjon,
            "behov": {
                "omrader": area, "bemanning": staff, "rusfritt_miljo": sober,
                "trappefri": stairs, "soverom": rooms, "funksjon": function,
            },
        },
        "grunner": grunner(one.tildelingstype),
        "avgjort": {
            "dag": na.pluss_dager(-one.mottatt + 14).to_string(), "utfall": "GODKJENT",
            "av": "beslutter", "begrunnelse": "Vilkårene er oppfylt.",
            "hjemmel": hjemmel(one.tildelingstype),
        },
    })
}

/// A tenancy that goes on, with the application that it came of.
pub(super) fn leie(n: i32, person: &str, bolig: &Bolig, na: Dag) -> Value {
    let moved_in = na.pluss_dager(-(160 + n * 37 % 2_400));
    let applied = moved_in.pluss_dager(-(30 + n * 29 % 200));
    json!({
        "ref": format!("karmoy-leie-{}", bolig.nokkel), "person": person,
        "type": bolig.tildelingstype, "mottatt": applied.to_string(),
        "soknad": {
            "eget_onske": "Et sted å bo.", "voksne": 1, "boligsituasjon": "ANNET",
        },
        "grunner": grunner(bolig.tildelingstype),
        "avgjort": {
            "dag": applied.pluss_dager(14).to_string(), "utfall": "GODKJENT",
            "av": "beslutter", "begrunnelse": "Vilkårene er oppfylt.",
            "hjemmel": hjemmel(bolig.tildelingstype),
        },
        "leieforhold": {
            "bolig": bolig.nokkel, "fra": moved_in.to_string(),
            // Late enough that nobody has to decide on a renewal yet.
            "til": na.pluss_dager(220 + n * 53 % 900).to_string(),
        },
    })
}

/// The vedtak that gave the right to a care dwelling, and to ROP's follow-up
/// where ROP follows.
pub(super) fn vedtak(n: usize, person: &str, one: &Ventende, na: Dag) -> Option<Value> {
    let begun = na.pluss_dager(-one.mottatt + 14);
    one.rop.then(|| {
        json!({
            "ref": format!("karmoy-vedtak-{n}"), "person": person,
            "sokt": na.pluss_dager(-one.mottatt).to_string(), "eget_onske": one.onske,
            "fattet": begun.to_string(), "fattet_av": "beslutter",
            "underrettet": begun.to_string(), "hovedansvarlig": "rop",
            "begrunnelse": "Trenger oppfølging for å bo for seg selv.",
            "hjemmel": { "lov": "helse- og omsorgstjenesteloven", "paragraf": "§ 3-2" },
            "personens_syn": "ENIG",
            "linjer": [{
                "type": "ROP_OPPFOLGING", "min_timer": 2.0, "maks_timer": 5.0,
                "enheter": ["rop"], "fra": begun.to_string(), "til": "",
                "mal": "Å bo for seg selv.",
            }],
            "bolig": {
                "rett": "OMSORGSBOLIG", "enhet": "bestillerkontor", "fra": begun.to_string(),
            },
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use super::*;
    use crate::karmoy::Tall;

    /// Who waits is as many as the audit tells, by type and by where they live.
    #[test]
    fn those_who_wait_are_those_of_the_audit() {
        let told = Tall::les().unwrap();
        let list = told.venteliste_januar_2025;
        let all = ventende();
        let count = |is: &dyn Fn(&Ventende) -> bool| all.iter().filter(|one| is(one)).count();
        assert_eq!(
            count(&|one| one.tildelingstype == UTLEIE),
            list.kommunal_utleie
        );
        assert_eq!(
            count(&|one| one.tildelingstype == OMSORG),
            list.omsorgsbolig
        );
        assert_eq!(count(&|one| one.rop), list.omsorgsbolig_med_rop);
        assert_eq!(count(&|one| one.opphold.is_some()), list.bor_i_midlertidig);
        let elsewhere = count(&|one| one.opphold.is_none());
        assert_eq!(elsewhere, list.bor_hos_andre_eller_skal_flytte);
        // Three months are 92 days at most.
        let long = count(&|one| one.opphold.is_some_and(|days| days > 92));
        assert_eq!(long, told.midlertidig.husholdninger_over_3_mnd.i_2023);
    }

    #[test]
    fn every_number_is_another_and_synthetic() {
        let all: BTreeSet<String> = (0..600).map(nummer).collect();
        assert_eq!(all.len(), 600);
        assert!(
            all.iter()
                .all(|number| number.len() == 11 && &number[2..3] >= "8")
        );
    }
}
