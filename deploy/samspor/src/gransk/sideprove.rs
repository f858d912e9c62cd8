//! The page and the text, of the same incident.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::collections::BTreeMap;

use super::{
    grunnlag::*,
    spor::{Spenn, Spor},
    tidslinje::Tidslinje,
    tidslinjeprove::{LES, grunnlag, hendelse, kl, rad},
    visning::Rapport,
};

fn rapport() -> Rapport {
    let mut answers = grunnlag();
    answers.mandat.tekst = "Hvorfor fikk ROP tilbudet for sent".to_owned();
    answers.mandat.enheter = vec!["bestillerkontor".to_owned(), "rop".to_owned()];
    answers.mandat.utloper = kl(100_000);
    answers.hull.push(Hull {
        kilde: "boligkontor".to_owned(),
        hva: "hendelser".to_owned(),
        grunn: "svarer ikke".to_owned(),
    });
    answers.poster.push(Post {
        navn: "personer/p/vedtak/v".to_owned(),
        felt: vec![("Tilstand".to_owned(), "FATTET".to_owned())],
    });
    Rapport::uten_spor(Tidslinje::av(answers), kl(2_000))
}

fn with_spans() -> Rapport {
    let span = |start: i64, micros: i64, name: &str| Spenn {
        start: kl(start),
        varighet_us: micros,
        tjeneste: "bestillerkontor".to_owned(),
        navn: name.to_owned(),
        feilet: false,
    };
    let trace = Spor::av(vec![span(9, 1_500_000, "call"), span(9, 2_000, "sql")]);
    Rapport {
        spor: BTreeMap::from([(format!("{:032x}", 1), trace.unwrap())]),
        ..rapport()
    }
}

/// `SAMSPOR_OPPDATER=1` writes them anew.
#[test]
fn as_text_and_as_rows() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/gransk/forventet");
    for (file, text) in [
        ("tidslinje.txt", with_spans().tekst()),
        ("tidslinje.json", with_spans().json()),
    ] {
        let file = format!("{folder}/{file}");
        if std::env::var_os("SAMSPOR_OPPDATER").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(&file).unwrap(), "{file}");
    }
    for row in with_spans().json().lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        assert_eq!(row.as_object().unwrap().len(), 1);
    }
}

/// Keeps a page for `tests/nettleser/check.py`, where it asks for one.
fn vis_i_nettleser(name: &str, page: &str) {
    if let Some(folder) = std::env::var_os("SAMSPOR_SIDER") {
        let file = std::path::Path::new(&folder).join(format!("{name}.html"));
        std::fs::write(file, page).unwrap();
    }
}

#[test]
fn a_page_is_whole_by_itself() {
    let page = with_spans().side();
    vis_i_nettleser("kort", &page);
    for outside in [
        "http:", "https:", "<link", "<img", "<iframe", "url(", "@import", "fetch(",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<script>").count(), 1);
    assert_eq!(page.matches("<tr id=\"i").count(), 8);
    assert_eq!(page.matches("<a href=\"#i").count(), 8);
    assert_eq!(page.matches("class=\"lop\"").count(), 4);
    // Two rows are calls of the trace whose spans are known; three more share it.
    assert_eq!(
        page.matches("<details><summary>1500,000 ms i 2 ledd")
            .count(),
        2
    );
    assert!(page.contains("boligkontor: hendelser mangler: svarer ikke"));
    assert!(page.contains("lang=\"nb\""));
}

/// How far it reaches, and of when it tells, is said by each form; who was told
/// is told by number where the mandate names several.
#[test]
fn what_holds_for_the_whole_is_said() {
    let mut report = rapport();
    report.linje.mandat.personer.push("personer/q".to_owned());
    report.linje.innslag[0].fortalt = vec!["nav".to_owned(), "personer/q".to_owned()];
    report.linje.innslag[0].poster = ["a", "b", "c", "d"]
        .map(|id| format!("personer/q/vedtak/{id}"))
        .to_vec();
    let texts = [report.tekst(), report.json(), report.side()];
    for said in [
        "før 2027-01-04 09:00:00.000, er ikke med",
        "slik de var da perioden sluttet, 2027-01-04 09:16:40.000",
        "da rapporten ble laget, 2027-01-04 09:33:20.000",
    ] {
        assert!(texts.iter().all(|text| text.contains(said)), "{said}");
    }
    // Whoever has no name in an avvik has no call in it.
    let mut with = rapport();
    with.linje.mandat.avvik = "avvik/a".to_owned();
    let said = "har ingen kall her";
    assert!(with.tekst().contains(said) && !texts[0].contains(said));
    // A period that has not ended is told of until now.
    let mut early = rapport();
    early.laget = kl(900);
    let said = "åpen da rapporten ble laget, 2027-01-04 09:15:00.000";
    assert!(early.tekst().contains(said) && early.side().contains(said));
    let [text, _, page] = texts;
    assert!(text.contains("fortalt nav, person 2"), "{text}");
    assert!(text.contains("(person 2: vedtak/a, person 2: vedtak/b, person 2: vedtak/c og 1 til)"));
    assert!(page.contains("<td>nav, person 2</td>") && page.contains("<br>og 1 til"));
    assert!(page.contains("<dd>person 2: personer/q</dd>"));
}

#[test]
fn without_gaps_it_says_so_and_without_entries_too() {
    let mut answers = grunnlag();
    answers.hendelser.clear();
    answers.innsyn.clear();
    answers.frister.clear();
    let page = Rapport::uten_spor(Tidslinje::av(answers), kl(1)).side();
    assert!(page.contains("Alle kilder svarte"));
    assert!(page.contains("Ingenting skjedde i perioden"));
    assert!(!page.contains("<form"));
}

/// Seen red: without `t` around the lane of a row.
#[test]
fn what_is_told_is_text_and_no_markup() {
    let bad = "\"'><script>alert(1)</script><b onmouseover=x>&".to_owned();
    let report = rapport();
    let mut line = report.linje;
    for entry in &mut line.innslag {
        for text in [
            &mut entry.bane,
            &mut entry.tekst,
            &mut entry.type_,
            &mut entry.formal,
        ] {
            bad.clone_into(text);
        }
        bad.clone_into(&mut entry.regelversjon);
        bad.clone_into(&mut entry.sporings_id);
        entry.poster = vec![bad.clone()];
        entry.regler = vec![bad.clone()];
        entry.fortalt = vec![bad.clone()];
        if let Some(who) = &mut entry.hvem {
            for text in [&mut who.enhet, &mut who.ansatt, &mut who.rolle] {
                bad.clone_into(text);
            }
        }
    }
    line.baner = vec![bad.clone()];
    for run in &mut line.lop {
        for text in [&mut run.id, &mut run.tekst, &mut run.post, &mut run.eier] {
            bad.clone_into(text);
        }
        run.fortalt = vec![bad.clone()];
    }
    for record in &mut line.poster {
        bad.clone_into(&mut record.navn);
        record.felt = vec![(bad.clone(), bad.clone())];
    }
    for gap in &mut line.hull {
        *gap = Hull {
            kilde: bad.clone(),
            hva: bad.clone(),
            grunn: bad.clone(),
        };
    }
    let mandate = &mut line.mandat;
    for text in [&mut mandate.navn, &mut mandate.tekst, &mut mandate.avvik] {
        bad.clone_into(text);
    }
    mandate.enheter = vec![bad.clone()];
    mandate.personer = vec![bad.clone()];
    let span = Spenn {
        start: kl(1),
        varighet_us: 1,
        tjeneste: bad.clone(),
        navn: bad.clone(),
        feilet: true,
    };
    let page = Rapport {
        spor: BTreeMap::from([(bad.clone(), Spor::av(vec![span]).unwrap())]),
        ..Rapport::uten_spor(line, kl(1))
    }
    .side();
    vis_i_nettleser("ond", &page);
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains("<b ") && !page.contains("\"'>"));
    assert!(
        page.matches("&quot;&#39;&gt;&lt;script&gt;alert(1)")
            .count()
            > 100
    );
}

/// Two thousand entries make a page that a browser takes, and marks that all
/// stand in their lane.
#[test]
fn a_long_timeline_is_a_page_too() {
    let mut answers = grunnlag();
    answers.til = kl(1_000_000);
    for number in 0..1_000_u16 {
        let at = 700 + i64::from(number) * 60;
        let mut event = hendelse("rop", 0, "KontaktRegistrert", "kontakter/k", at, 9);
        event.navn = format!("personer/p/hendelser/{number:05}");
        answers.hendelser.push(event);
        answers
            .innsyn
            .push(rad(100 + i64::from(number), LES, "nav", at + 1, 8));
    }
    let line = Tidslinje::av(answers);
    assert_eq!(line.innslag.len(), 2_008);
    let page = Rapport::uten_spor(line, kl(1)).side();
    vis_i_nettleser("lang", &page);
    assert_eq!(page.matches("<tr id=\"i").count(), 2_008);
    assert!(page.len() < 3_000_000, "{}", page.len());
}
