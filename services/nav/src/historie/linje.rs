//! One line: what was asked for, what came of it, and where the person was.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt, navn},
    error::{FieldFaults, Refusal},
    historie::{post_id, som},
    lager::Post,
    tid::Tid,
};
use samspor_proto::{
    felles::{self, Rolle},
    nav::{Behovsarsak, IkkeKlartGrunn, MeldBehovRequest, Meldekanal, Videre},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    ENHET,
    botilbud::{Botilbud, Innvilgelse, Utfall, rpc::MAKS_BELOP_ORE, rules},
    innstillinger::{Innstillinger, innstillinger},
    opphold::historie::{Avsluttet, Bodd, Sted, Unntatt},
};

/// A line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Linje {
    /// Reference in the old system.
    #[serde(rename = "ref")]
    referanse: String,
    /// Person id.
    person: String,
    /// Id of the unit that answers for it, where that is not nav: of a person who
    /// is hidden, one that has the mandate.
    #[serde(default)]
    ansvarlig: String,
    /// Day on which somebody asked.
    mottatt: String,
    #[serde(default)]
    kanal: String,
    arsak: String,
    eget_onske: String,
    /// That no bed was found, and why, from that day on.
    #[serde(default)]
    ikke_klart: Vec<Funnet>,
    avgjort: Avgjort,
    #[serde(default)]
    opphold: Option<Opphold>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Funnet {
    dag: String,
    grunn: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Avgjort {
    dag: String,
    /// INNVILGET, AVSLATT or BORTFALT.
    utfall: String,
    /// Employee id of whoever decided.
    #[serde(default)]
    av: String,
    begrunnelse: String,
    #[serde(default)]
    hjemmel: Option<Basis>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Basis {
    lov: String,
    paragraf: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opphold {
    /// Last day for which it was granted.
    til: String,
    /// Sum in øre, where the first place is none: money in lieu.
    #[serde(default)]
    belop_ore: i64,
    plasser: Vec<Plass>,
    #[serde(default)]
    unntak: Vec<Unntak>,
    #[serde(default)]
    avsluttet: Option<Slutt>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plass {
    #[serde(default)]
    plass: String,
    #[serde(default)]
    leverandor: String,
    /// The day of the outcome for the first, that of the move for the others.
    fra: String,
    #[serde(default)]
    grunn: String,
    #[serde(default)]
    kvalitet_begrunnelse: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unntak {
    dag: String,
    til: String,
    begrunnelse: String,
    #[serde(default)]
    av: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Slutt {
    dag: String,
    grunn: String,
    videre: String,
    #[serde(default)]
    merknad: String,
}

/// A request with its outcome, and the stay that came of it.
pub struct Lest {
    pub(super) post: Post<Botilbud>,
    pub(super) bodd: Option<Bodd>,
}

/// Reads days of the past, each not before the one that it follows on.
struct Dager {
    now: Tid,
    before: Option<(String, Dag)>,
}

impl Dager {
    fn neste(&mut self, text: &str, field: &str, faults: &mut FieldFaults) -> Option<Dag> {
        let day = felt::pakrevd_dag(text, field, faults)?;
        if day > Dag::av(self.now) {
            faults.form(field.to_owned(), "en dag som ikke er i framtiden");
        }
        if let Some((other, before)) = &self.before
            && day < *before
        {
            faults.contradicts(field.to_owned(), other, "dagen er før den andre");
        }
        self.before = Some((field.to_owned(), day));
        Some(day)
    }

    /// The old system knows days. At noon each night is on the right side of what
    /// happened on its day.
    fn tid(&self, day: Dag) -> Tid {
        day.klokken(12).min(self.now)
    }
}

fn aktor(enhet: &str, ansatt: &str, rolle: Rolle) -> Aktor {
    Aktor {
        enhet: enhet.to_owned(),
        ansatt: ansatt.trim().to_owned(),
        rolle,
    }
}

/// The number of a word of the contract; -1 for one that it does not have, which
/// is refused where the field is read.
fn ord<T: Into<i32>>(value: Option<T>) -> i32 {
    value.map_or(-1, Into::into)
}

fn krev_tekst(text: &str, field: &str, faults: &mut FieldFaults) -> String {
    felt::pakrevd(text, field, felt::LANG, faults)
}

/// Whose it is: nav's, but for who is hidden from it.
fn ansvarlig(named: &str, enheter: &BTreeSet<String>, faults: &mut FieldFaults) -> String {
    if named.is_empty() || named == ENHET {
        return ENHET.to_owned();
    }
    if !enheter.contains(named) {
        let known: Vec<&str> = enheter.iter().map(String::as_str).collect();
        faults.unknown("ansvarlig", known.join(", "));
    }
    named.to_owned()
}

/// What came of it, day by day.
struct Forlop {
    mottatt: Dag,
    ikke_klart: Vec<(Dag, IkkeKlartGrunn)>,
    avgjort: Dag,
    utfall: Utfall,
}

fn les_forlop(
    linje: &Linje,
    enhet: &str,
    days: &mut Dager,
    faults: &mut FieldFaults,
) -> Option<Forlop> {
    let mottatt = days.neste(&linje.mottatt, "mottatt", faults);
    let mut ikke_klart = Vec::new();
    for (n, found) in linje.ikke_klart.iter().enumerate() {
        let day = days.neste(&found.dag, &format!("ikke_klart[{n}].dag"), faults);
        let grunn = IkkeKlartGrunn::from_str_name(&format!("IKKE_KLART_GRUNN_{}", found.grunn));
        let field = format!("ikke_klart[{n}].grunn");
        let grunn = felt::valg(ord(grunn), &field, "samspor.nav.v1.IkkeKlartGrunn", faults);
        ikke_klart.extend(day.map(|day| (day, grunn)));
    }
    let given = &linje.avgjort;
    let avgjort = days.neste(&given.dag, "avgjort.dag", faults);
    let granted = given.utfall == "INNVILGET";
    if !granted && !matches!(given.utfall.as_str(), "AVSLATT" | "BORTFALT") {
        faults.unknown("avgjort.utfall", "INNVILGET, AVSLATT, BORTFALT");
    }
    match (granted, &linje.opphold) {
        (true, None) => faults.missing("opphold"),
        (false, Some(_)) => {
            let told = "et opphold kommer av et innvilget behov";
            faults.contradicts("opphold", "avgjort.utfall", told);
        }
        _ => {}
    }
    // Nobody decided that the need was gone.
    let decided = given.utfall != "BORTFALT";
    if decided && given.av.trim().is_empty() {
        faults.missing("avgjort.av");
    }
    let basis = given.hjemmel.as_ref().map(|basis| felles::Hjemmel {
        lov: basis.lov.clone(),
        paragraf: basis.paragraf.clone(),
    });
    let hjemmel = decided.then(|| felt::hjemmel(basis.as_ref(), "avgjort.hjemmel", faults));
    let begrunnelse = krev_tekst(&given.begrunnelse, "avgjort.begrunnelse", faults);
    let avgjort = avgjort?;
    Some(Forlop {
        mottatt: mottatt?,
        ikke_klart,
        avgjort,
        utfall: Utfall {
            tid: days.tid(avgjort),
            av: aktor(enhet, &given.av, Rolle::Beslutter),
            alene: false,
            begrunnelse,
            hjemmel,
        },
    })
}

/// The stay, after its outcome.
fn les_opphold(
    given: &Opphold,
    (id, forlop): (String, &Forlop),
    days: &mut Dager,
    faults: &mut FieldFaults,
) -> Option<Bodd> {
    let Utfall { tid, av, .. } = &forlop.utfall;
    let mut steder = Vec::new();
    if given.plasser.is_empty() {
        faults.missing("opphold.plasser");
    }
    for (n, place) in given.plasser.iter().enumerate() {
        let field = |name: &str| format!("opphold.plasser[{n}].{name}");
        let fra = days.neste(&place.fra, &field("fra"), faults);
        if n == 0 && fra.is_some_and(|fra| fra != forlop.avgjort) {
            let told = "dagen sengen ble gitt; et skriftlig vedtak siden endrer den ikke";
            faults.contradicts(field("fra"), "avgjort.dag", told);
        }
        let cash = n == 0 && place.plass.trim().is_empty();
        if n > 0 && place.plass.trim().is_empty() {
            faults.missing(field("plass"));
        }
        if cash && !(1..=MAKS_BELOP_ORE).contains(&given.belop_ore) {
            faults.range("opphold.belop_ore", 1, MAKS_BELOP_ORE);
        } else if n == 0 && !cash && given.belop_ore != 0 {
            let told = "beløpet gjelder bare kontanter i stedet for en plass";
            faults.contradicts("opphold.belop_ore", field("plass"), told);
        }
        let grunn = match n {
            0 => forlop.utfall.begrunnelse.clone(),
            _ => krev_tekst(&place.grunn, &field("grunn"), faults),
        };
        let text = |text: &str, name: &str, max, faults: &mut FieldFaults| {
            felt::tekst(text, &field(name), max, faults)
        };
        steder.extend(fra.map(|fra| Sted {
            navn: text(&place.plass, "plass", felt::KORT, faults),
            leverandor: text(&place.leverandor, "leverandor", felt::KORT, faults),
            fra,
            grunn,
            kvalitet_begrunnelse: text(
                &place.kvalitet_begrunnelse,
                "kvalitet_begrunnelse",
                felt::LANG,
                faults,
            ),
        }));
    }
    let slutt = given.avsluttet.as_ref().and_then(|end| {
        let videre = Videre::from_str_name(&format!("VIDERE_{}", end.videre));
        let (field, name) = ("opphold.avsluttet.videre", "samspor.nav.v1.Videre");
        let videre = felt::valg(ord(videre), field, name, faults);
        let grunn = krev_tekst(&end.grunn, "opphold.avsluttet.grunn", faults);
        let field = "opphold.avsluttet.merknad";
        let merknad = felt::tekst(&end.merknad, field, felt::KORT, faults);
        let day = days.neste(&end.dag, "opphold.avsluttet.dag", faults)?;
        Some(Avsluttet {
            tid: days.tid(day),
            av: aktor(&av.enhet, "", Rolle::System),
            grunn,
            videre,
            merknad,
        })
    });
    let til = felt::pakrevd_dag(&given.til, "opphold.til", faults)?;
    if til < forlop.avgjort {
        let told = "siste dag er før oppholdet begynte";
        faults.contradicts("opphold.til", "avgjort.dag", told);
    }
    let unntak = les_unntak(given, (&av.enhet, forlop.avgjort), days.now, faults);
    Some(Bodd {
        id,
        startet: (*tid, av.clone()),
        steder,
        til,
        hjemmel: forlop.utfall.hjemmel.clone().unwrap_or_default(),
        unntak,
        slutt,
    })
}

fn les_unntak(
    given: &Opphold,
    (enhet, begun): (&str, Dag),
    now: Tid,
    faults: &mut FieldFaults,
) -> Vec<Unntatt> {
    let mut read = Vec::new();
    let mut days = Dager {
        now,
        before: Some(("avgjort.dag".to_owned(), begun)),
    };
    for (n, exception) in given.unntak.iter().enumerate() {
        let field = |name: &str| format!("opphold.unntak[{n}].{name}");
        let day = days.neste(&exception.dag, &field("dag"), faults);
        let til = felt::pakrevd_dag(&exception.til, &field("til"), faults);
        let begrunnelse = krev_tekst(&exception.begrunnelse, &field("begrunnelse"), faults);
        if let (Some(day), Some(til)) = (day, til) {
            read.push(Unntatt {
                begrunnelse,
                til,
                gitt: days.tid(day),
                gitt_av: aktor(enhet, &exception.av, Rolle::Beslutter),
            });
        }
    }
    read
}

pub(super) fn les(linje: Value, enheter: &BTreeSet<String>, now: Tid) -> Result<Lest, Refusal> {
    let linje: Linje = som(linje)?;
    let settings = innstillinger().map_err(|_| Refusal::not_found())?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&navn::person(&linje.person), "person", &mut faults);
    if linje.referanse.trim().is_empty() {
        faults.missing("ref");
    }
    let enhet = ansvarlig(&linje.ansvarlig, enheter, &mut faults);
    let mut days = Dager { now, before: None };
    let forlop = les_forlop(&linje, &enhet, &mut days, &mut faults);
    let came = forlop.as_ref().map(|forlop| days.tid(forlop.mottatt));
    let kanal = match linje.kanal.as_str() {
        "" => Some(Meldekanal::Skriftlig),
        named => Meldekanal::from_str_name(&format!("MELDEKANAL_{named}")),
    };
    let arsak = Behovsarsak::from_str_name(&format!("BEHOVSARSAK_{}", linje.arsak));
    let request = MeldBehovRequest {
        kanal: ord(kanal),
        arsak: ord(arsak),
        eget_onske: linje.eget_onske.clone(),
        ..Default::default()
    };
    let told_by = aktor(&enhet, "", Rolle::System);
    let asked = rules::les(
        &request,
        told_by,
        false,
        came.unwrap_or(now),
        settings,
        &mut faults,
    );
    let id = |slag: &str, at: Tid| post_id(slag, &linje.referanse, at);
    let bodd = match (&linje.opphold, &forlop) {
        (Some(given), Some(forlop)) => {
            let stay = id("nav/opphold", forlop.utfall.tid);
            les_opphold(given, (stay, forlop), &mut days, &mut faults)
        }
        _ => None,
    };
    faults.finish()?;
    let Some(forlop) = forlop else {
        return Err(Refusal::not_found());
    };
    let asked_id = id("nav/botilbud", days.tid(forlop.mottatt));
    let (post, _) = rules::meld(person, asked_id, &enhet, asked, settings);
    let post = spill(post, &forlop, (&linje, bodd.as_ref()), (&days, settings))?;
    Ok(Lest { post, bodd })
}

/// From the request to its outcome. What follows of it has ended with it.
fn spill(
    mut post: Post<Botilbud>,
    forlop: &Forlop,
    (linje, bodd): (&Linje, Option<&Bodd>),
    (days, settings): (&Dager, &Innstillinger),
) -> Result<Post<Botilbud>, Refusal> {
    let with = |tid: Tid| rules::Avgjorelse {
        utfall: Utfall {
            tid,
            ..forlop.utfall.clone()
        },
        funksjoner: &[],
        innstillinger: settings,
    };
    let (at, av) = (forlop.utfall.tid, forlop.utfall.av.clone());
    for (day, grunn) in &forlop.ikke_klart {
        (post, _) = rules::ikke_klart(post, *grunn, with(days.tid(*day)))?;
    }
    let ended: (Post<Botilbud>, Virkninger) = match (linje.avgjort.utfall.as_str(), bodd) {
        ("INNVILGET", Some(bodd)) => {
            let first = bodd.steder.first();
            let belop_ore = linje.opphold.as_ref().map_or(0, |stay| stay.belop_ore);
            let granted = Innvilgelse {
                // Named when the places are known.
                plass: String::new(),
                kvalitet_begrunnelse: first
                    .map(|place| place.kvalitet_begrunnelse.clone())
                    .unwrap_or_default(),
                kontanter: belop_ore > 0,
                belop_ore,
                til: bodd.til,
                opphold: String::new(),
            };
            rules::innvilg(post, granted, with(at))?
        }
        ("AVSLATT", _) => rules::avsla(post, with(at))?,
        _ => rules::bortfall(post, av, forlop.utfall.begrunnelse.clone(), at)?,
    };
    Ok(ended.0)
}
