//! Vedtak of another system, taken in as history.
//!
//! A line of the file is one vedtak with its service lines. It is played
//! through the same rules that decide today, each step at the time when it
//! happened: applied for, decided, told, accepted, started, ended. So it is
//! held to what a decision is held to. What is left at the end is what still
//! holds: the relations of those who deliver, the main responsibility, the
//! clocks. Those are kept; events of long ago are told to nobody. A clock that
//! would have broken before the import starts anew. Koordinering and
//! the unit that delivers are told of each order that goes on (docs/adr/0013).

use std::collections::{BTreeMap, BTreeSet};

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt, navn},
    error::{Error, FieldFaults, Refusal},
    historie::{Gjelder, Historie, Lagret, post_id, som},
    store::{Row, Tx},
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{
        self as proto, Avslutningsarsak, Boligrett, Kanal, MottaSoknadRequest, PersonensSyn,
        Tjenestetype,
    },
    felles::{self, Rolle},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    ENHET, KOORDINERING, innboks,
    mottatt::Mottatt,
    oppdrag::{self, Oppdrag},
    soknad::{self, Soknad},
    vedtak::{
        self, Opphor, Vedtak,
        innhold::{Innhold, Nektet},
        rules::{Fattet, Myndighet},
        slutt,
    },
};

/// Vedtak with their service lines.
#[derive(Debug, Clone)]
pub struct Vedtakshistorie {
    utforere: Vec<String>,
    boligtildelere: BTreeMap<String, Vec<String>>,
    funksjoner: Vec<String>,
}

impl Vedtakshistorie {
    /// For a municipality where these units take orders, and these allocate
    /// dwellings, by type.
    #[must_use]
    pub fn new(utforere: Vec<String>, boligtildelere: BTreeMap<String, Vec<String>>) -> Self {
        // Who decided on what at the time is not this municipality's file to say.
        let types = (1..100).filter_map(|number| Tjenestetype::try_from(number).ok());
        let held = types.map(|type_| {
            let name = type_.as_str_name();
            let name = name.strip_prefix("TJENESTETYPE_").unwrap_or(name);
            format!("vedtaksmyndighet:{}", name.to_lowercase())
        });
        let housing = "vedtaksmyndighet:bolig".to_owned();
        Self {
            utforere,
            boligtildelere,
            funksjoner: held.chain([housing]).collect(),
        }
    }
}

/// A line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Linje {
    /// Reference in the old system.
    #[serde(rename = "ref")]
    referanse: String,
    /// Person id.
    person: String,
    /// Day on which it was applied for.
    sokt: String,
    /// What the person asked for, in the person's words where they are known.
    eget_onske: String,
    #[serde(default = "brev")]
    kanal: String,
    /// Day of the decision.
    fattet: String,
    /// Employee id of whoever decided.
    fattet_av: String,
    /// Day on which the person was told.
    underrettet: String,
    hovedansvarlig: String,
    begrunnelse: String,
    hjemmel: Basis,
    personens_syn: String,
    #[serde(default)]
    personens_ord: String,
    linjer: Vec<Tjenestelinje>,
    #[serde(default)]
    bolig: Option<Boliglinje>,
    #[serde(default)]
    opphort: Option<Opphort>,
}

/// The right to a dwelling.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Boliglinje {
    rett: String,
    /// Unit that allocates.
    enhet: String,
    fra: String,
    #[serde(default)]
    krav: Vec<String>,
}

fn brev() -> String {
    "BREV".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tjenestelinje {
    r#type: String,
    min_timer: f64,
    maks_timer: f64,
    enheter: Vec<String>,
    fra: String,
    #[serde(default)]
    til: String,
    #[serde(default)]
    mal: String,
    #[serde(default)]
    vilkar: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opphort {
    dag: String,
    begrunnelse: String,
    alternativ: String,
    #[serde(default)]
    varsel: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Basis {
    lov: String,
    paragraf: String,
}

/// A vedtak as it stands today, and what still follows from it.
pub struct Lest {
    soknad: Soknad,
    vedtak: Vedtak,
    oppdrag: Vec<Oppdrag>,
    gjelder: Virkninger,
}

impl Lest {
    fn i_kraft(&self) -> bool {
        vedtak::rules::I_KRAFT.contains(&self.vedtak.tilstand)
    }
}

/// The days of a line, in order.
struct Dager {
    sokt: Dag,
    fattet: Dag,
    underrettet: Dag,
    opphort: Option<Dag>,
}

fn dager(linje: &Linje, today: Dag, faults: &mut FieldFaults) -> Option<Dager> {
    let mut day = |text: &str, field: &'static str| {
        let day = felt::pakrevd_dag(text, field, faults);
        if day.is_some_and(|day| day > today) {
            faults.form(field, "en dag som ikke er i framtiden");
        }
        day
    };
    let sokt = day(&linje.sokt, "sokt");
    let fattet = day(&linje.fattet, "fattet");
    let underrettet = day(&linje.underrettet, "underrettet");
    let end = linje.opphort.as_ref();
    let opphort = end.map(|end| day(&end.dag, "opphort.dag"));
    let dager = Dager {
        sokt: sokt?,
        fattet: fattet?,
        underrettet: underrettet?,
        opphort: match opphort {
            None => None,
            Some(day) => Some(day?),
        },
    };
    for (field, day, other, before) in [
        ("fattet", dager.fattet, "sokt", dager.sokt),
        ("underrettet", dager.underrettet, "fattet", dager.fattet),
    ] {
        if day < before {
            faults.contradicts(field, other, "dagen er før den andre");
        }
    }
    if dager.opphort.is_some_and(|end| end < dager.underrettet) {
        faults.contradicts("opphort.dag", "underrettet", "dagen er før den andre");
    }
    Some(dager)
}

impl Historie for Vedtakshistorie {
    type Linje = Lest;
    const ENHET: &'static str = ENHET;

    fn les(&self, linje: Value, now: Tid) -> Result<Lest, Refusal> {
        let linje: Linje = som(linje)?;
        let mut faults = FieldFaults::new();
        let person = navn::les_person(&navn::person(&linje.person), "person", &mut faults);
        for (field, text) in [("ref", &linje.referanse), ("fattet_av", &linje.fattet_av)] {
            if text.trim().is_empty() {
                faults.missing(field);
            }
        }
        let today = Dag::av(now);
        let dager = dager(&linje, today, &mut faults);
        let (request, types) = til_vedtak(&linje);
        let innhold = vedtak::innhold::les(&request, &mut faults);
        let allocate = &self.boligtildelere;
        vedtak::innhold::krev_koer(&innhold, &self.utforere, allocate, &mut faults);
        for (place, line) in innhold.linjer.iter().enumerate() {
            if line.fra > today {
                let field = format!("linjer[{place}].fra");
                faults.form(
                    field,
                    "en dag som ikke er i framtiden; det som begynner siden, vedtas her",
                );
            }
        }
        let kanal = Kanal::from_str_name(&format!("KANAL_{}", linje.kanal));
        let request = MottaSoknadRequest {
            eget_onske: linje.eget_onske.clone(),
            kanal: kanal.unwrap_or_default().into(),
            gjelder: types,
            ..Default::default()
        };
        let innsendt = soknad::rules::les(request, false, &[], &mut faults);
        faults.finish()?;
        let Some(dager) = dager else {
            return Err(Refusal::not_found());
        };
        let mottak = soknad::rules::Mottak {
            person,
            id: post_id(
                "bestillerkontor/soknad",
                &linje.referanse,
                dager.sokt.start(),
            ),
            referanse: linje.referanse.clone(),
            av: system(ENHET),
            fra_personen: false,
            ansvarlig: ENHET.to_owned(),
            mottatt: Mottatt::na(dager.sokt.start()),
        };
        let (mut soknad, _) = soknad::rules::motta(mottak, innsendt, dager.sokt.start());
        soknad.tilstand = soknad::Tilstand::Klar;
        self.spill(&linje, soknad, innhold, &dager, now)
    }

    fn lagre<'t>(
        &'t self,
        tx: &'t mut Tx,
        linjer: Vec<Lest>,
    ) -> BoxFuture<'t, Result<Lagret, Error>> {
        async move {
            // One import at a time: what is new is asked before it is stored.
            tx.lock("historie").await?;
            let mut stored = Lagret::default();
            let (mut i_kraft, mut rows) = (IKraft::default(), <[Vec<Row>; 3]>::default());
            for (place, mut line) in linjer.into_iter().enumerate() {
                if line.i_kraft() {
                    match i_kraft.ta(tx, &mut line).await {
                        Ok(true) => {}
                        Ok(false) => continue,
                        Err(Error::Refused(refusal)) => {
                            stored.avvist.push((place, refusal));
                            continue;
                        }
                        Err(error) => return Err(error),
                    }
                }
                rows[0].push(soknad::store::rad(&line.soknad)?);
                rows[1].push(vedtak::store::rad(&line.vedtak)?);
                for order in &line.oppdrag {
                    rows[2].push(oppdrag::store::rad(order)?);
                }
            }
            let [applications, decisions, orders] = rows;
            let anew = " ON CONFLICT (id) DO NOTHING";
            tx.insert(soknad::store::INN, anew, applications).await?;
            stored.nye = tx.insert(vedtak::store::INN, anew, decisions).await?;
            tx.insert(oppdrag::store::INN, anew, orders).await?;
            i_kraft.lagre(tx).await?;
            Ok(stored)
        }
        .boxed()
    }
}

impl Vedtakshistorie {
    /// Plays a vedtak through the rules, from the decision to today.
    fn spill(
        &self,
        linje: &Linje,
        soknad: Soknad,
        innhold: Innhold,
        dager: &Dager,
        now: Tid,
    ) -> Result<Lest, Refusal> {
        let reference = linje.referanse.as_str();
        let decided = dager.fattet.start();
        let av = Aktor {
            enhet: ENHET.to_owned(),
            ansatt: linje.fattet_av.clone(),
            rolle: Rolle::Beslutter,
        };
        let id = post_id("bestillerkontor/vedtak", reference, decided);
        let (draft, _) =
            vedtak::rules::opprett(&soknad, id, ENHET, innhold, &system(ENHET), decided)?;
        let nektet = Nektet {
            kontakt: soknad.nektet(),
            ..Nektet::default()
        };
        let (sent, _) = vedtak::rules::send(draft, None, &nektet, system(ENHET), decided)?;
        let myndighet = Myndighet::alene(&self.funksjoner);
        let mut number = 0;
        let mut order_id = || {
            number += 1;
            let order = format!("{reference}/{number}");
            post_id("bestillerkontor/oppdrag", &order, decided)
        };
        let Fattet {
            vedtak,
            soknad,
            oppdrag: orders,
            overtatt: _,
            virkninger,
        } = vedtak::rules::fatt(
            sent,
            soknad,
            &nektet,
            &myndighet,
            &av,
            decided,
            &mut order_id,
        )?;
        let mut gjelder = Gjelder::default();
        gjelder.ta(virkninger);
        let told = Mottatt::na(dager.underrettet.start());
        let (mut vedtak, out) = vedtak::rules::underrett(vedtak, "historikk".to_owned(), told)?;
        gjelder.ta(out);
        let mut oppdrag = Vec::new();
        for order in orders {
            let begun = order.innhold.bestilling.fra.start().max(decided);
            let unit = system(&order.enhet);
            let accepted = Mottatt::na(begun);
            let (mut order, out) = oppdrag::rules::aksepter(order, unit.clone(), accepted)?;
            order.innhold.rapporteres_fra = Some(Dag::av(now));
            gjelder.ta(out);
            let (order, out) = oppdrag::rules::start(order, &unit, Mottatt::na(begun))?;
            gjelder.ta(out);
            if let Some((started, out)) = vedtak::rules::iverksett(vedtak.clone(), begun) {
                vedtak = started;
                gjelder.ta(out);
            }
            let until = dager.opphort.map_or(now, Dag::start);
            oppdrag.push(over(&mut gjelder, order, until));
        }
        let (open, mut over): (Vec<_>, Vec<_>) = oppdrag.into_iter().partition(Oppdrag::er_apent);
        let ended = match (&linje.opphort, dager.opphort) {
            (Some(end), Some(day)) => {
                let opphor = Opphor {
                    av,
                    begrunnelse: end.begrunnelse.clone(),
                    hjemmel: vedtak.innhold.hjemmel.clone().unwrap_or_default(),
                    alternativ: end.alternativ.clone(),
                    varsel: end.varsel.clone(),
                };
                Some(slutt::avslutt_ved_vedtak(
                    vedtak.clone(),
                    open.clone(),
                    opphor,
                    day.start(),
                ))
            }
            _ => slutt::utlop(vedtak.clone(), open.clone(), siste(&vedtak, now)),
        };
        let (vedtak, still) = match ended {
            None => (vedtak, open),
            Some(ended) => {
                gjelder.ta(ended.virkninger);
                (ended.vedtak, ended.oppdrag)
            }
        };
        over.extend(still);
        let mut gjelder = gjelder.na(now);
        // Who answers for an open need is asked before the person is hidden
        // from anybody, and who delivers follows the person; nothing else tells
        // them.
        for order in over.iter().filter(|order| order.er_apent()) {
            gjelder.hendelse(
                "OppdragInntatt",
                &order.emne(),
                [KOORDINERING, &order.enhet],
            );
        }
        Ok(Lest {
            soknad,
            vedtak,
            oppdrag: over,
            gjelder,
        })
    }
}

/// When the vedtak ran out, or now while it has not.
fn siste(vedtak: &Vedtak, now: Tid) -> Tid {
    let end = vedtak.innhold.siste_dag().map(Dag::slutt);
    end.map_or(now, |end| end.min(now))
}

fn system(enhet: &str) -> Aktor {
    Aktor {
        enhet: enhet.to_owned(),
        ansatt: String::new(),
        rolle: Rolle::System,
    }
}

/// An order whose own last day has passed ended then.
fn over(gjelder: &mut Gjelder, order: Oppdrag, now: Tid) -> Oppdrag {
    let last = order.innhold.bestilling.til.map(Dag::slutt);
    let Some(end) = last.filter(|end| *end <= now) else {
        return order;
    };
    let slutt = oppdrag::Slutt {
        arsak: Avslutningsarsak::Utlopt,
        begrunnelse: String::new(),
        alternativ: String::new(),
    };
    let mut out = Virkninger::new();
    let order = oppdrag::rules::opphor(order, slutt, None, end, &mut out);
    gjelder.ta(out);
    order
}

/// What the line says, as a request would carry it, and the types of its lines.
fn til_vedtak(linje: &Linje) -> (proto::Vedtak, Vec<i32>) {
    let basis = || {
        Some(felles::Hjemmel {
            lov: linje.hjemmel.lov.clone(),
            paragraf: linje.hjemmel.paragraf.clone(),
        })
    };
    let line = |line: &Tjenestelinje| {
        let type_ = Tjenestetype::from_str_name(&format!("TJENESTETYPE_{}", line.r#type));
        proto::Tjenestelinje {
            r#type: type_.unwrap_or_default().into(),
            min_timer: line.min_timer,
            maks_timer: line.maks_timer,
            enheter: line.enheter.iter().map(|unit| navn::enhet(unit)).collect(),
            fra: line.fra.clone(),
            til: line.til.clone(),
            hjemmel: basis(),
            mal: line.mal.clone(),
            vilkar: line.vilkar.clone(),
            ..Default::default()
        }
    };
    let lines: Vec<_> = linje.linjer.iter().map(line).collect();
    let types = lines
        .iter()
        .map(|line| line.r#type)
        .filter(|number| *number != 0);
    let types = types.collect();
    let bolig = linje.bolig.as_ref().map(|line| {
        let rett = Boligrett::from_str_name(&format!("BOLIGRETT_{}", line.rett));
        proto::Boliglinje {
            rett: rett.unwrap_or_default().into(),
            enhet: navn::enhet(&line.enhet),
            fra: line.fra.clone(),
            krav: line.krav.clone(),
        }
    });
    let syn = PersonensSyn::from_str_name(&format!("PERSONENS_SYN_{}", linje.personens_syn));
    let vedtak = proto::Vedtak {
        linjer: lines,
        bolig,
        hovedansvarlig: navn::enhet(&linje.hovedansvarlig),
        begrunnelse: linje.begrunnelse.clone(),
        hjemmel: basis(),
        personens_syn: syn.unwrap_or_default().into(),
        personens_ord: linje.personens_ord.clone(),
        ..Default::default()
    };
    (vedtak, types)
}

/// What the vedtak in force of a chunk leave behind, each once: the main
/// responsibility, relations and clocks.
#[derive(Default)]
struct IKraft {
    /// Ids of those that are new.
    vedtak: BTreeSet<String>,
    /// Who has the main responsibility for a person, and by how many of them.
    ansvar: BTreeMap<String, (String, i64)>,
    /// What they say, by person.
    innhold: BTreeMap<String, Vec<(String, Innhold)>>,
    virkninger: Virkninger,
}

impl IKraft {
    /// Takes what follows from a vedtak; false when it was taken in before.
    async fn ta(&mut self, tx: &mut Tx, line: &mut Lest) -> Result<bool, Error> {
        let Vedtak {
            id,
            person,
            innhold,
            ..
        } = &line.vedtak;
        if self.vedtak.contains(id) || vedtak::store::finnes(tx, id).await? {
            return Ok(false);
        }
        let named = &innhold.hovedansvarlig;
        let before = vedtak::store::hovedansvarlig(tx, person).await?;
        let held = before.is_some();
        let holder = before.or_else(|| Some(self.ansvar.get(person)?.0.clone()));
        if let Some(holder) = holder.filter(|holder| holder != named) {
            let mut faults = FieldFaults::new();
            let rule =
                format!("{holder} har hovedansvaret for personen; nevn den, eller flytt det først");
            faults.contradicts("hovedansvarlig", "hovedansvar", rule);
            faults.finish()?;
        }
        let before = match held {
            true => vedtak::store::i_kraft(tx, person).await?,
            false => Vec::new(),
        };
        let here = self.innhold.entry(person.clone()).or_default();
        let others = before
            .into_iter()
            .map(|other| (other.name(), other.innhold));
        let others: Vec<_> = others.chain(here.iter().cloned()).collect();
        let others = others.iter().map(|(name, other)| (name.clone(), other));
        vedtak::innhold::krev_ikke_dobbelt(innhold, others)?;
        here.push((line.vedtak.name(), innhold.clone()));
        self.vedtak.insert(id.clone());
        let first = || (named.clone(), 0);
        self.ansvar.entry(person.clone()).or_insert_with(first).1 += 1;
        self.virkninger.og(std::mem::take(&mut line.gjelder));
        Ok(true)
    }

    async fn lagre(self, tx: &mut Tx) -> Result<(), Error> {
        vedtak::store::ta_hovedansvar(tx, self.ansvar).await?;
        innboks::utfor(tx, self.virkninger).await
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
pub(crate) mod tests;
