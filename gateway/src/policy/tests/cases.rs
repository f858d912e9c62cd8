//! The worked cases of the access rules, as data (`tilfeller.toml`).

use std::collections::BTreeMap;

use samspor_proto::{
    felles::{Faktumtype, Rolle, Skjermingsgrunn},
    klassifisering::kortnavn,
};
use serde::Deserialize;

use super::*;
use crate::model::{Caller, Fact, Happened, Mandate, Party, PersonFacts, RecordHead};

const NOW: i64 = 1_000;

#[derive(Debug, Deserialize)]
struct Cases {
    tilfelle: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    navn: String,
    #[serde(default = "karmoy")]
    kommune: String,
    hvem: String,
    formal: String,
    gjor: Option<String>,
    post: String,
    #[serde(default = "subject")]
    om: String,
    #[serde(default)]
    del: String,
    #[serde(default)]
    flagg: Vec<String>,
    #[serde(default)]
    fakta: Vec<String>,
    finnes: Option<bool>,
    gir: Option<Vec<String>>,
    ikke: Option<Vec<String>>,
    skjermet: Option<BTreeMap<String, String>>,
    regler: Option<Vec<String>>,
    nektet: Option<Vec<String>>,
    navngitt: Option<String>,
    for_oppslag: Option<bool>,
}

fn karmoy() -> String {
    "karmoy".to_owned()
}

fn subject() -> String {
    "p".to_owned()
}

fn class(name: &str) -> Dataklasse {
    Dataklasse::from_str_name(&format!("DATAKLASSE_{name}")).unwrap_or_else(|| panic!("{name}"))
}

fn classes<'a>(names: impl IntoIterator<Item = &'a String>) -> Klasser {
    names.into_iter().map(|name| class(name)).collect()
}

fn caller(text: &str) -> Caller {
    let words: Vec<&str> = text.split(' ').collect();
    let (enhet, rolle, ansatt, person) = match words[..] {
        ["INNBYGGER", person] => ("", "INNBYGGER", "", Some(person.to_owned())),
        [enhet, rolle] => (enhet, rolle, "", None),
        [enhet, rolle, ansatt] => (enhet, rolle, ansatt, None),
        _ => panic!("hvem = {text}"),
    };
    Caller {
        enhet: enhet.to_owned(),
        ansatt: ansatt.to_owned(),
        rolle: Rolle::from_str_name(&format!("ROLLE_{rolle}")).unwrap_or_else(|| panic!("{rolle}")),
        person,
        system: String::new(),
        mesh: false,
    }
}

fn fact(text: &str) -> Fact {
    let mut words = text.split(' ');
    let party = match words.next().unwrap() {
        "*" => Party::AlleEnheter,
        other => match other.split_once(':') {
            Some(("ansatt", id)) => Party::Ansatt(id.into()),
            Some(("person", id)) => Party::Person(id.into()),
            _ => Party::Enhet(other.into()),
        },
    };
    let kind = words.next().unwrap();
    let mut fact = Fact {
        party,
        kind: Faktumtype::from_str_name(&format!("FAKTUMTYPE_{kind}"))
            .unwrap_or_else(|| panic!("{kind}")),
        post: None,
        klasser: Klasser::INGEN,
        rolle: Rolle::Unspecified,
        formal: Formal::Unspecified,
        fra: 0,
        til: i64::MAX,
        opprettet_av: "".into(),
        samtykke: None,
        mandat: None,
        enhet: None,
    };
    while let Some(word) = words.next() {
        match word {
            "i" => fact.enhet = Some(words.next().unwrap().into()),
            "on" => fact.post = Some(record_name(words.next().unwrap()).into()),
            "ended" => fact.til = NOW,
            // The period that is reviewed ends now, or ended before.
            "mandat" | "tidligere_mandat" => {
                fact.mandat = Some(Arc::new(Mandate {
                    navn: "granskinger/1".to_owned(),
                    fra: 0,
                    til: if word == "mandat" { NOW } else { NOW - 10 },
                }));
            }
            list => fact.klasser = list.split(',').map(class).collect(),
        }
    }
    fact
}

fn record_name(r#type: &str) -> String {
    format!("personer/p/{type}/1")
}

#[test]
fn worked_cases() {
    let cases: Cases = toml::from_str(include_str!("tilfeller.toml")).unwrap();
    let policies: BTreeMap<&str, Policy> = ["karmoy", "sarpsborg"]
        .map(|kommune| (kommune, policy(kommune)))
        .into();
    let mut wrong = Vec::new();
    for case in &cases.tilfelle {
        let policy = &policies[case.kommune.as_str()];
        for fault in judge(policy, case) {
            wrong.push(format!("{}: {fault}", case.navn));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(cases.tilfelle.len() > 80);
}

fn judge(policy: &Policy, case: &Case) -> Vec<String> {
    let caller = caller(&case.hvem);
    let (r#type, owner) = case.post.split_once(' ').unwrap();
    let ressurs = ressurstype(r#type);
    let name = record_name(r#type);
    let facts = PersonFacts {
        version: 1,
        facts: case.fakta.iter().map(|text| fact(text)).collect(),
    };
    let flag = |name: &str| case.flagg.iter().any(|flag| flag == name);
    let head = RecordHead {
        name: &name,
        eier: if owner == "-" { "" } else { owner },
        unntatt_innsyn: flag("unntatt"),
        utloper: if flag("utlopt") { NOW } else { i64::MAX },
        skjedde: flag("skjedd").then_some(Happened {
            fra: NOW - 1,
            til: NOW - 1,
        }),
    };
    let doing = case.gjor.is_some();
    let question = Question {
        caller: &caller,
        formal: Formal::from_str_name(&format!("FORMAL_{}", case.formal)).unwrap(),
        act: case.gjor.as_deref().map_or(Act::Read, Act::Do),
        ressurs: &ressurs,
        record: (owner != "-" || !doing).then_some(head),
        part: match case.del.as_str() {
            "" | "hode" => Part::Head,
            "egen" => Part::Own,
            "annen" => Part::Other,
            other => panic!("del = {other}"),
        },
        subject: Some(&case.om),
        omfang_enhet: case.flagg.iter().find_map(|flag| flag.strip_prefix("ko:")),
        facts: &facts,
        method_nodtilgang: flag("nodtilgang"),
        method_system: flag("system"),
        sak_ok: !flag("ingen_sak"),
        sak: case
            .flagg
            .iter()
            .find_map(|flag| flag.strip_prefix("sak:"))
            .unwrap_or_default(),
        now: NOW,
    };
    let decision = policy.decide(&question);
    let before = policy.possible(&question);

    let mut faults = Vec::new();
    let mut expect = |what: &str, ok: bool| {
        if !ok {
            faults.push(format!("{what}; got {decision:?}"));
        }
    };
    if let Some(found) = case.finnes {
        expect("finnes", decision.existence(&ressurs) == found);
    }
    if let Some(given) = &case.gir {
        let given = classes(given);
        let exact = given.er_tom();
        expect(
            "gir",
            decision.classes.har_alle(given) && (!exact || decision.nothing()),
        );
    }
    if let Some(denied) = &case.ikke {
        expect("ikke", (decision.classes & classes(denied)).er_tom());
    }
    if let Some(rules) = &case.regler {
        expect("regler", told(&decision.permits) == *rules);
    }
    if let Some(rules) = &case.nektet {
        let told = told(&decision.refused_by);
        expect("nektet", rules.iter().all(|rule| told.contains(rule)));
    }
    if let Some(rule) = &case.navngitt {
        let named = decision.named.as_ref();
        expect("navngitt", named.is_some_and(|named| *named.rule == **rule));
    }
    for (class_name, said) in case.skjermet.iter().flatten() {
        let withheld = decision
            .withheld
            .iter()
            .find(|withheld| kortnavn(withheld.klasse) == class_name);
        expect(
            "skjermet",
            withheld.is_some_and(|withheld| say(withheld) == *said),
        );
    }
    if let Some(possible) = case.for_oppslag {
        let existence = match doing {
            true => !before.nothing(),
            false => before.existence(&ressurs),
        };
        expect("for_oppslag", existence == possible);
    }
    faults
}

fn told(rules: &[RuleId]) -> Vec<String> {
    rules.iter().map(ToString::to_string).collect()
}

/// `SAMTYKKE_MANGLER P18 FUNKSJON`.
fn say(withheld: &Withheld) -> String {
    let grunn = Skjermingsgrunn::as_str_name(&withheld.grunn);
    let isteden: Vec<&str> = withheld.isteden.iter().map(kortnavn).collect();
    format!(
        "{} {} {}",
        grunn.strip_prefix("SKJERMINGSGRUNN_").unwrap(),
        withheld.regel.as_deref().unwrap_or("-"),
        match isteden.is_empty() {
            true => "-".to_owned(),
            false => isteden.join(","),
        }
    )
}

/// A diagnosis that exists, one that does not, a sperring, a consent of
/// another unit: what is said about HELSE is the same in all these worlds.
#[test]
fn a_withheld_class_says_nothing_about_the_facts() {
    let policy = &*KARMOY;
    let base = ["nav PART on vedtak"];
    let more: [&[&str]; 6] = [
        &[],
        &["hjemmetjeneste SAMTYKKE HELSE"],
        &["nav SAMTYKKE HELSE ended"],
        &["nav SPERRING on oppdrag"],
        &["ansatt:a2 SPERRING", "rop RESERVASJON"],
        &["* ADRESSE_FORTROLIG", "rop UTFORER", "ansatt:a2 BEHANDLER"],
    ];
    let answers: Vec<Arc<Decision>> = more
        .iter()
        .map(|more| {
            let facts = PersonFacts {
                version: 1,
                facts: base.iter().chain(*more).map(|text| fact(text)).collect(),
            };
            policy.decide(&Question {
                caller: &caller("nav SAKSBEHANDLER a1"),
                formal: Formal::Ytelse,
                act: Act::Read,
                ressurs: &ressurstype("vedtak"),
                record: Some(RecordHead {
                    name: &record_name("vedtak"),
                    eier: "bestillerkontor",
                    unntatt_innsyn: false,
                    utloper: i64::MAX,
                    skjedde: None,
                }),
                part: Part::Head,
                subject: Some("p"),
                omfang_enhet: None,
                facts: &facts,
                method_nodtilgang: false,
                method_system: false,
                sak_ok: true,
                sak: "",
                now: NOW,
            })
        })
        .collect();
    for answer in &answers {
        assert_eq!(answer.classes, answers[0].classes);
        assert_eq!(answer.withheld, answers[0].withheld);
    }
}

#[test]
fn the_log_marks_a_relation_that_the_employee_made() {
    let policy = &*KARMOY;
    let made_by = |maker: &str| {
        let mut relation = fact("rop SOKER on soknad");
        relation.opprettet_av = maker.into();
        relation
    };
    let marked = |facts: Vec<Fact>| {
        policy.own_relation(&Question {
            caller: &caller("rop SAKSBEHANDLER a1"),
            formal: Formal::Ytelse,
            act: Act::Read,
            ressurs: &ressurstype("soknad"),
            record: None,
            part: Part::Head,
            subject: Some("p"),
            omfang_enhet: None,
            facts: &PersonFacts { version: 1, facts },
            method_nodtilgang: false,
            method_system: false,
            sak_ok: true,
            sak: "",
            now: NOW,
        })
    };
    assert!(marked(vec![made_by("a1")]));
    assert!(!marked(vec![made_by("a2")]));
    assert!(!marked(vec![made_by("a1"), made_by("a2")]));
    assert!(!marked(vec![]));
}
