//! One line, played from the application to today.

use std::collections::{BTreeMap, BTreeSet};

use samspor_chassis::{
    domene::{Aktor, Dag, felt, navn},
    error::{FieldFaults, Refusal},
    historie::{Gjelder, post_id, som},
    lager::{APENT, Innhold as _, Post},
    tid::Tid,
};
use samspor_proto::{
    boligkontor::{
        Bemanning, Boligbehov, Boligsituasjon, Boligsoknad, Kommendearsak, Tildelingstype,
    },
    felles::{self, Rolle},
};
use serde_json::Value;

use super::fil::{Avgjort, Leid, Linje, Sokt, Trenger};
use crate::{
    ENHET, KOORDINERING, Regelsett, Regler,
    bolig::typenokkel,
    boligsak::{self, Avgjorelse, Boligsak, Soknad, Vurdering},
    innstillinger::innstillinger,
    leieforhold::{
        self, Leieforhold,
        rules::{FellesSaker, Kontrakt},
    },
    reservasjon::{self, Reservasjon, Svar},
};

/// What a period that is shorter than usual, a second tenancy and an assessment
/// say about themselves.
const INNTATT: &str = "Lest inn fra tidligere system";

/// A case as it stands today, and what still follows from it.
pub struct Lest {
    pub(super) sak: Post<Boligsak>,
    /// From when to when it stood on the list.
    pub(super) ventet: Option<(Tid, Tid)>,
    pub(super) leie: Option<Leie>,
    pub(super) gjelder: samspor_chassis::domene::Virkninger,
}

/// The tenancy that a case became. Which dwelling it is, the store knows.
pub(super) struct Leie {
    pub(super) nokkel: String,
    pub(super) reservasjon: Post<Reservasjon>,
    pub(super) leieforhold: Post<Leieforhold>,
}

/// The days of a line, none of them to come, each not before the one that it
/// follows on.
struct Dager {
    mottatt: Dag,
    avgjort: Option<Dag>,
    trukket: Option<Dag>,
    fra: Option<Dag>,
    til: Option<Dag>,
    avsluttet: Option<Dag>,
}

fn dager(linje: &Linje, today: Dag, faults: &mut FieldFaults) -> Option<Dager> {
    let mut past = |text: &str, field: &'static str| {
        let day = felt::pakrevd_dag(text, field, faults);
        if day.is_some_and(|day| day > today) {
            faults.form(field, "en dag som ikke er i framtiden");
        }
        day
    };
    let tenancy = linje.leieforhold.as_ref();
    let days = Dager {
        mottatt: past(&linje.mottatt, "mottatt")?,
        avgjort: linje
            .avgjort
            .as_ref()
            .and_then(|one| past(&one.dag, "avgjort.dag")),
        trukket: linje
            .trukket
            .as_ref()
            .and_then(|one| past(&one.dag, "trukket.dag")),
        fra: tenancy.and_then(|one| past(&one.fra, "leieforhold.fra")),
        avsluttet: tenancy
            .and_then(|one| one.avsluttet.as_ref())
            .and_then(|end| past(&end.dag, "leieforhold.avsluttet.dag")),
        til: tenancy.and_then(|one| felt::pakrevd_dag(&one.til, "leieforhold.til", faults)),
    };
    let order = [
        ("mottatt", Some(days.mottatt)),
        ("avgjort.dag", days.avgjort),
        ("trukket.dag", days.trukket),
        ("leieforhold.fra", days.fra),
        ("leieforhold.avsluttet.dag", days.avsluttet),
    ];
    let given: Vec<(&'static str, Dag)> = order
        .into_iter()
        .filter_map(|(field, day)| Some((field, day?)))
        .collect();
    for pair in given.windows(2) {
        if let [(before, first), (field, day)] = pair
            && day < first
        {
            faults.contradicts(*field, *before, "dagen er før den andre");
        }
    }
    Some(days)
}

/// What a line may say of its end: refused or taken back, and a tenancy only of
/// what was approved.
fn krev_utfall(linje: &Linje, faults: &mut FieldFaults) {
    let outcome = linje.avgjort.as_ref().map(|one| one.utfall.as_str());
    if !matches!(outcome, None | Some("GODKJENT" | "AVSLATT")) {
        faults.unknown("avgjort.utfall", "GODKJENT, AVSLATT");
    }
    let approved = outcome == Some("GODKJENT");
    if linje.leieforhold.is_some() && !approved {
        let told = "et leieforhold kommer av en godkjent søknad";
        faults.contradicts("leieforhold", "avgjort.utfall", told);
    }
    if linje.trukket.is_some() && (outcome == Some("AVSLATT") || linje.leieforhold.is_some()) {
        let told = "en sak som er avslått eller har gitt bolig, trekkes ikke";
        faults.contradicts("trukket", "avgjort.utfall", told);
    }
    if let Some(end) = linje
        .leieforhold
        .as_ref()
        .and_then(|one| one.avsluttet.as_ref())
        && end.begrunnelse.trim().is_empty()
    {
        faults.missing("leieforhold.avsluttet.begrunnelse");
    }
}

/// The contract's word for a number; 0 for one that it does not have, which is
/// refused where the field is read.
fn ord<T: Into<i32>>(value: Option<T>) -> i32 {
    value.map_or(-1, Into::into)
}

fn til_soknad(sokt: Sokt) -> Boligsoknad {
    let chosen = |text: &str, number: i32| if text.is_empty() { 0 } else { number };
    let situation =
        Boligsituasjon::from_str_name(&format!("BOLIGSITUASJON_{}", sokt.boligsituasjon));
    let cause = Kommendearsak::from_str_name(&format!("KOMMENDEARSAK_{}", sokt.kommende_arsak));
    let Trenger {
        omrader,
        bemanning,
        rullestol,
        trappefri,
        rusfritt_miljo,
        soverom,
        meter_tjenester,
        kvinne,
        bare_kvinner,
        funksjon,
    } = sokt.behov;
    let staff = Bemanning::from_str_name(&format!("BEMANNING_{bemanning}"));
    Boligsoknad {
        eget_onske: sokt.eget_onske,
        voksne: sokt.voksne,
        barn: sokt.barn,
        behov: Some(Boligbehov {
            omrader,
            bemanning: chosen(&bemanning, ord(staff)),
            rullestol,
            trappefri,
            rusfritt_miljo,
            soverom,
            meter_tjenester,
            kvinne,
            bare_kvinner,
            funksjon,
        }),
        boligsituasjon: ord(situation),
        kommende_dag: sokt.kommende_dag,
        kommende_arsak: chosen(&sokt.kommende_arsak, ord(cause)),
        rett: String::new(),
    }
}

fn av(enhet: &str, ansatt: &str) -> Aktor {
    Aktor {
        enhet: enhet.to_owned(),
        ansatt: ansatt.to_owned(),
        rolle: Rolle::System,
    }
}

/// The unit that the line names, or the usual one. Who is hidden the gateway
/// knows, which an import does not ask: the file says it.
fn ansvarlig(
    usual: String,
    named: &str,
    tildelere: &BTreeMap<String, Vec<String>>,
    faults: &mut FieldFaults,
) -> String {
    if named.is_empty() {
        return usual;
    }
    let known: BTreeSet<&str> = tildelere.values().flatten().map(String::as_str).collect();
    if !known.contains(named) {
        let known: Vec<&str> = known.into_iter().collect();
        faults.unknown("ansvarlig", known.join(", "));
    }
    named.to_owned()
}

pub(super) fn les(
    linje: Value,
    tildelere: &BTreeMap<String, Vec<String>>,
    regler: &Regler,
    now: Tid,
) -> Result<Lest, Refusal> {
    let mut linje: Linje = som(linje)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&navn::person(&linje.person), "person", &mut faults);
    if linje.referanse.trim().is_empty() {
        faults.missing("ref");
    }
    let type_ = Tildelingstype::from_str_name(&format!("TILDELINGSTYPE_{}", linje.r#type));
    let allocated = type_.filter(|type_| *type_ != Tildelingstype::Midlertidig);
    let owner = allocated
        .and_then(|type_| boligsak::rules::ansvarlig(typenokkel(type_), &[], tildelere))
        .map(str::to_owned);
    if owner.is_none() {
        let types: Vec<&str> = tildelere.keys().map(String::as_str).collect();
        let form = format_args!(
            "en type som noen tildeler her, og ikke midlertidig: {}",
            types.join(", ")
        );
        faults.form("type", form);
    }
    let owner = owner.map(|usual| ansvarlig(usual, &linje.ansvarlig, tildelere, &mut faults));
    let days = dager(&linje, Dag::av(now), &mut faults);
    krev_utfall(&linje, &mut faults);
    // The rules of the day on which it was assessed.
    let assessed = days
        .as_ref()
        .map(|days| days.avgjort.unwrap_or(days.mottatt));
    let sett = assessed.and_then(|day| regler.pa(day).ok());
    if let Some(sett) = sett.filter(|_| type_.is_some()) {
        let type_ = type_.unwrap_or_default();
        let known: Vec<&str> = sett
            .prioritet(type_)
            .map(|one| one.nokkel.as_str())
            .collect();
        for (place, key) in linje.grunner.iter().enumerate() {
            if !known.contains(&key.as_str()) {
                faults.unknown(format!("grunner[{place}]"), known.join(", "));
            }
        }
    }
    let sokt = std::mem::replace(
        &mut linje.soknad,
        Sokt {
            eget_onske: String::new(),
            voksne: 0,
            barn: 0,
            boligsituasjon: String::new(),
            behov: Trenger::default(),
            kommende_dag: String::new(),
            kommende_arsak: String::new(),
        },
    );
    let of = (person.as_str(), type_.unwrap_or_default());
    let soknad = boligsak::rules::les(of, til_soknad(sokt), &mut faults);
    let decided = linje
        .avgjort
        .as_ref()
        .map(|one| les_avgjort(one, &mut faults));
    faults.finish()?;
    let (Some(type_), Some(owner), Some(days)) = (allocated, owner, days) else {
        return Err(Refusal::not_found());
    };
    let spill = Spill {
        linje: &linje,
        person,
        type_,
        owner,
        skjermede: skjermede(sett, type_),
        gjelder: Gjelder::default(),
    };
    spill.til_i_dag(soknad, decided, &days, now)
}

/// Keys of the groups that are not named in a reason.
fn skjermede(sett: Option<&Regelsett>, type_: Tildelingstype) -> Vec<String> {
    let groups = sett.into_iter().flat_map(|sett| sett.prioritet(type_));
    groups
        .filter(|one| one.skjermet)
        .map(|one| one.nokkel.clone())
        .collect()
}

fn les_avgjort(given: &Avgjort, faults: &mut FieldFaults) -> Avgjorelse {
    let basis = felles::Hjemmel {
        lov: given.hjemmel.lov.clone(),
        paragraf: given.hjemmel.paragraf.clone(),
    };
    let text = |text: &str, field, faults: &mut FieldFaults| {
        felt::pakrevd(text, field, felt::LANG, faults)
    };
    let refused = given.utfall == "AVSLATT";
    Avgjorelse {
        tid: Tid(0),
        av: av(ENHET, &text(&given.av, "avgjort.av", faults)),
        hjemmel: felt::hjemmel(Some(&basis), "avgjort.hjemmel", faults),
        begrunnelse: text(&given.begrunnelse, "avgjort.begrunnelse", faults),
        klageinstans: match refused {
            true => text(&given.klageinstans, "avgjort.klageinstans", faults),
            false => String::new(),
        },
    }
}

struct Spill<'l> {
    linje: &'l Linje,
    person: String,
    type_: Tildelingstype,
    owner: String,
    skjermede: Vec<String>,
    gjelder: Gjelder,
}

impl Spill<'_> {
    fn id(&self, slag: &str, tid: Tid) -> String {
        post_id(slag, &self.linje.referanse, tid)
    }

    fn til_i_dag(
        mut self,
        soknad: Soknad,
        avgjort: Option<Avgjorelse>,
        dager: &Dager,
        now: Tid,
    ) -> Result<Lest, Refusal> {
        let came = dager.mottatt.start();
        let mottak = boligsak::rules::Mottak {
            person: self.person.clone(),
            id: self.id("boligkontor/boligsak", came),
            ansvarlig: self.owner.clone(),
            tildelingstype: self.type_,
            fra_personen: false,
        };
        let (mut sak, out) = boligsak::rules::registrer(mottak, soknad, (came, av(ENHET, "")));
        self.gjelder.ta(out);
        let mut ventet = None;
        if let (Some(mut outcome), Some(day)) = (avgjort, dager.avgjort) {
            let at = day.start();
            outcome.tid = at;
            outcome.av.enhet.clone_from(&self.owner);
            outcome.av.rolle = Rolle::Beslutter;
            let (assessed, out) = boligsak::rules::vurder(sak, self.vurdering(at))?;
            self.gjelder.ta(out);
            let refused = self.linje.avgjort.as_ref().map(|one| one.utfall.as_str());
            let (after, out) = if refused == Some("AVSLATT") {
                boligsak::rules::avsla(assessed, outcome)?
            } else {
                ventet = Some((at, APENT));
                boligsak::rules::godkjenn(assessed, outcome)?
            };
            self.gjelder.ta(out);
            sak = after;
        }
        if let (Some(given), Some(day)) = (&self.linje.trukket, dager.trukket) {
            let moment = (day.start(), &av(&self.owner, ""));
            let said = match given.onske.trim() {
                "" => INNTATT,
                said => said,
            };
            let (after, out) = boligsak::rules::trekk(sak, said.to_owned(), moment)?;
            self.gjelder.ta(out);
            ventet = ventet.map(|(from, _)| (from, day.start()));
            sak = after;
        }
        let mut leie = None;
        if let (Some(given), Some(from), Some(until)) =
            (&self.linje.leieforhold, dager.fra, dager.til)
        {
            let (after, tenancy) = self.leie(sak, given, (from, until), dager.avsluttet)?;
            ventet = ventet.map(|(since, _)| (since, from.start()));
            (sak, leie) = (after, Some(tenancy));
        }
        let undecided = sak.innhold.avgjorelse.is_none() && sak.innhold.trukket.is_none();
        let (emne, owner) = (sak.emne(), self.owner.as_str());
        let mut gjelder = self.gjelder.na(now);
        if undecided {
            // It waits for somebody, whom nothing else tells.
            gjelder.hendelse("BoligsakMottatt", &emne, [owner, KOORDINERING]);
        } else if sak.innhold.apen() {
            // Who answers for it is asked before the person is hidden from anybody.
            gjelder.hendelse("BoligsakInntatt", &emne, [KOORDINERING]);
        }
        Ok(Lest {
            sak,
            ventet,
            leie,
            gjelder,
        })
    }

    /// The old system's assessment: its groups; its conditions are not this
    /// file's to repeat.
    fn vurdering(&self, at: Tid) -> Vurdering {
        let given = self.linje.grunner.iter().cloned();
        let (skjermede, grunner) = given.partition(|key| self.skjermede.contains(key));
        Vurdering {
            tid: at,
            av: av(&self.owner, ""),
            regelversjon: INNTATT.to_owned(),
            vilkar: Vec::new(),
            grunner,
            skjermede,
        }
    }

    /// Reserved, offered, accepted and let on the day on which the person moved in.
    fn leie(
        &mut self,
        sak: Post<Boligsak>,
        given: &Leid,
        (from, until): (Dag, Dag),
        ended: Option<Dag>,
    ) -> Result<(Post<Boligsak>, Leie), Refusal> {
        let mut faults = FieldFaults::new();
        let names: Vec<String> = given
            .oppfolgere
            .iter()
            .map(|unit| navn::enhet(unit))
            .collect();
        let field = "leieforhold.oppfolgere";
        let oppfolgere = leieforhold::rpc::enheter(&names, field, 20, &mut faults);
        let nokkel = felt::pakrevd(&given.bolig, "leieforhold.bolig", felt::KORT, &mut faults);
        if !(0..=1_000_000).contains(&given.husleie) {
            faults.range("leieforhold.husleie", 0, 1_000_000);
        }
        if until < from {
            let told = "dagen er før den andre";
            faults.contradicts("leieforhold.til", "leieforhold.fra", told);
        }
        faults.finish()?;
        let Ok(settings) = innstillinger() else {
            return Err(Refusal::not_found());
        };
        let at = from.start();
        let lengths = reservasjon::rules::Lengder {
            reservasjon: settings.reservasjon_dager,
            svar: settings.svar_dager,
            lengst: settings.forleng_dager,
        };
        let wanted = reservasjon::rules::Onsket {
            bolig: String::new(),
            tildelingstype: self.type_,
            grunnlag: sak.name(),
            plassering: None,
            utloper: None,
            begrunnelse: INNTATT.to_owned(),
            overstyring: String::new(),
            egnethetsunntak: String::new(),
        };
        let key = (self.person.clone(), self.id("boligkontor/reservasjon", at));
        let owner = av(&self.owner, "");
        let (held, _) = reservasjon::rules::reserver(key, wanted, (at, owner.clone()), lengths)?;
        let (held, _) = reservasjon::rules::tilby(held, None, at, lengths)?;
        let yes = Svar {
            tid: at,
            av: owner,
            aksepterer: true,
            onske: String::new(),
        };
        let (held, _) = reservasjon::rules::svar(held, yes, at, lengths)?;
        let contract = Kontrakt {
            fra: Some(from),
            til: Some(until),
            begrunnelse: INNTATT.to_owned(),
            flere: INNTATT.to_owned(),
            oppfolgere,
            husleie: given.husleie,
        };
        let id = self.id("boligkontor/leieforhold", at);
        let moment = (at, av(ENHET, ""));
        let (mut tenancy, out) =
            leieforhold::rules::innga(id, &held, contract, moment, true, settings)?;
        self.gjelder.ta(out);
        let (held, out) = reservasjon::rules::kontrakt(held, tenancy.name(), at)?;
        self.gjelder.ta(out);
        let (sak, out) = boligsak::rules::tildel(sak, &tenancy.name(), at)?;
        self.gjelder.ta(out);
        if let (Some(day), Some(end)) = (ended, &given.avsluttet) {
            let (said, no_cases) = (end.begrunnelse.clone(), FellesSaker::default());
            let (after, out) =
                leieforhold::rules::avslutt(tenancy, said, &no_cases, day.start(), settings)?;
            self.gjelder.ta(out);
            tenancy = after;
        }
        let leie = Leie {
            nokkel,
            reservasjon: held,
            leieforhold: tenancy,
        };
        Ok((sak, leie))
    }
}
