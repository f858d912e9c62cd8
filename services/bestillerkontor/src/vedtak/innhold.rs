//! What a vedtak says: its lines, parties and reasons.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use samspor_chassis::{
    domene::{Dag, Hjemmel, felles::tall, felt, navn},
    error::{FieldFaults, Refusal},
};
use samspor_proto::{
    bestillerkontor::{self as proto, Boligrett, PersonensSyn, Tjenestetype},
    klassifisering::Klasser,
    tilgang::Dataklasse,
};
use serde::{Deserialize, Serialize};

use super::avslag::{self, Avslag};
use crate::{
    evaluering,
    parorende::{self, Parorende},
};

/// Most lines of one vedtak.
const MAKS_LINJER: usize = 50;
/// Most units of one line, and parties of one vedtak.
const MAKS_ENHETER: usize = 20;
/// Most conditions of one line.
const MAKS_VILKAR: usize = 20;
/// Hours of a week.
const UKE: f64 = 168.0;
/// A minute in hours: sums of hours are compared no closer.
const MINUTT: f64 = 1.0 / 60.0;

/// What a vedtak says. A draft may lack parts; [`fullstendig`] tells which.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Innhold {
    pub(crate) linjer: Vec<Linje>,
    pub(crate) bolig: Option<Bolig>,
    /// Unit id; empty only in a draft.
    pub(crate) hovedansvarlig: String,
    /// Unit ids of parties besides those of the lines.
    pub(crate) parter: Vec<String>,
    pub(crate) koordinator: String,
    pub(crate) begrunnelse: String,
    pub(crate) medisinsk_grunnlag: String,
    pub(crate) funksjonsvurdering: String,
    pub(crate) okonomi_merknad: String,
    pub(crate) intern_vurdering: String,
    pub(crate) delt_vurdering: String,
    pub(crate) hjemmel: Option<Hjemmel>,
    pub(crate) parorende: Vec<Parorende>,
    #[serde(default)]
    pub(crate) utskrevet_fra_sykehus: bool,
    /// Unspecified only in a draft.
    /// What is refused.
    #[serde(default)]
    pub(crate) avslag: Vec<Avslag>,
    #[serde(default, with = "tall")]
    pub(crate) personens_syn: PersonensSyn,
    #[serde(default)]
    pub(crate) personens_ord: String,
}

/// A service line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Linje {
    /// Number within the vedtak; `linje_id` in the contract.
    pub(crate) nr: String,
    #[serde(with = "tall")]
    pub(crate) type_: Tjenestetype,
    pub(crate) min_timer: f64,
    pub(crate) maks_timer: f64,
    /// Unit ids.
    pub(crate) enheter: Vec<String>,
    /// First day; set wherever a line is stored.
    pub(crate) fra: Dag,
    /// Last day; none: until it is ended.
    pub(crate) til: Option<Dag>,
    pub(crate) hjemmel: Option<Hjemmel>,
    pub(crate) vilkar: Vec<String>,
    pub(crate) mal: String,
    pub(crate) leveringssted: String,
    pub(crate) helsehensyn: String,
    /// The hours of each unit; none: divided equally.
    #[serde(default)]
    pub(crate) andeler: Vec<Andel>,
}

/// One unit's part of the hours of a shared line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Andel {
    /// Unit id.
    pub(crate) enhet: String,
    pub(crate) min_timer: f64,
    pub(crate) maks_timer: f64,
}

/// A housing line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bolig {
    #[serde(with = "tall")]
    pub(crate) rett: Boligrett,
    /// Unit id that allocates.
    pub(crate) enhet: String,
    pub(crate) fra: Option<Dag>,
    pub(crate) krav: Vec<String>,
}

impl Innhold {
    /// Last day of the vedtak; none while something in it has no end.
    pub(crate) fn siste_dag(&self) -> Option<Dag> {
        let days: Option<Vec<Dag>> = self.slutter().into_iter().collect();
        days?.into_iter().max()
    }

    /// It grants something, and does not only refuse.
    pub(crate) fn innvilger(&self) -> bool {
        !self.linjer.is_empty() || self.bolig.is_some()
    }

    /// The last day of each thing that it grants; none: until it is ended.
    pub(crate) fn slutter(&self) -> Vec<Option<Dag>> {
        let housing = self.bolig.iter().map(|_| None);
        let lines = self.linjer.iter().map(|line| line.til);
        lines.chain(housing).collect()
    }

    /// Whether a line of it lasts longer in `after`.
    pub(crate) fn forlenges(&self, after: &Self) -> bool {
        after.linjer.iter().any(|line| {
            let mut before = self.linjer.iter().filter(|old| old.nr == line.nr);
            before.any(|old| {
                let was = old.til;
                was.is_some_and(|was| line.til.is_none_or(|til| til > was))
            })
        })
    }

    /// The fields of the contract that say what the vedtak says.
    pub(crate) fn to_proto(&self) -> proto::Vedtak {
        let Self {
            linjer,
            bolig,
            hovedansvarlig,
            parter,
            koordinator,
            begrunnelse,
            medisinsk_grunnlag,
            funksjonsvurdering,
            okonomi_merknad,
            intern_vurdering,
            delt_vurdering,
            hjemmel,
            parorende,
            utskrevet_fra_sykehus,
            avslag,
            personens_syn,
            personens_ord,
        } = self.clone();
        proto::Vedtak {
            avslag: avslag.iter().map(Avslag::to_proto).collect(),
            utskrevet_fra_sykehus,
            personens_syn: personens_syn.into(),
            personens_ord,
            linjer: linjer.iter().map(Linje::to_proto).collect(),
            bolig: bolig.as_ref().map(Bolig::to_proto),
            hovedansvarlig: navn::enhet(&hovedansvarlig),
            parter: parter.iter().map(|unit| navn::enhet(unit)).collect(),
            koordinator,
            begrunnelse,
            medisinsk_grunnlag,
            funksjonsvurdering,
            okonomi_merknad,
            intern_vurdering,
            delt_vurdering,
            hjemmel: hjemmel.map(|basis| basis.to_proto()),
            parorende: parorende.into_iter().map(Into::into).collect(),
            ..proto::Vedtak::default()
        }
    }

    /// This content, with what `before` had in the classes that the caller may
    /// not write: withheld is not empty, and is not emptied by writing back
    /// what was read.
    pub(crate) fn med_skjermet_fra(mut self, before: &Self, klasser: Klasser) -> Self {
        let may = |class| klasser.har(class);
        if !may(Dataklasse::Helse) {
            self.medisinsk_grunnlag
                .clone_from(&before.medisinsk_grunnlag);
            self.utskrevet_fra_sykehus = before.utskrevet_fra_sykehus;
        }
        if !may(Dataklasse::Funksjon) {
            self.funksjonsvurdering
                .clone_from(&before.funksjonsvurdering);
        }
        if !may(Dataklasse::Okonomi) {
            self.okonomi_merknad.clone_from(&before.okonomi_merknad);
        }
        if !may(Dataklasse::Vurdering) {
            self.intern_vurdering.clone_from(&before.intern_vurdering);
        }
        if !may(Dataklasse::VurderingDelt) {
            self.delt_vurdering.clone_from(&before.delt_vurdering);
        }
        if !may(Dataklasse::Parorende) {
            self.parorende.clone_from(&before.parorende);
        }
        if !may(Dataklasse::Bolig) {
            self.bolig.clone_from(&before.bolig);
            self.avslag.retain(|refused| !refused.om_bolig());
            let withheld = before.avslag.iter().filter(|refused| refused.om_bolig());
            self.avslag.extend(withheld.cloned());
        }
        for line in &mut self.linjer {
            let same = |old: &&Linje| !line.nr.is_empty() && old.nr == line.nr;
            let Some(old) = before.linjer.iter().find(same) else {
                continue;
            };
            if !may(Dataklasse::Helse) {
                line.helsehensyn.clone_from(&old.helsehensyn);
            }
            if !may(Dataklasse::Funksjon) {
                line.mal.clone_from(&old.mal);
            }
            if !may(Dataklasse::Opphold) {
                line.leveringssted.clone_from(&old.leveringssted);
            }
        }
        self
    }

    /// With an id on every line: those given stay, others get the next.
    pub(crate) fn med_linje_id(mut self) -> Self {
        let used = |lines: &[Linje]| lines.iter().filter_map(|l| l.nr.parse().ok()).max();
        let mut last: u32 = used(&self.linjer).unwrap_or_default();
        for line in self.linjer.iter_mut().filter(|l| l.nr.is_empty()) {
            last = last.saturating_add(1);
            line.nr = last.to_string();
        }
        self
    }
}

impl Bolig {
    pub(crate) fn to_proto(&self) -> proto::Boliglinje {
        proto::Boliglinje {
            rett: self.rett.into(),
            enhet: navn::enhet(&self.enhet),
            fra: dag(self.fra),
            krav: self.krav.clone(),
        }
    }
}

impl Linje {
    pub(crate) fn to_proto(&self) -> proto::Tjenestelinje {
        let Self {
            nr,
            type_,
            min_timer,
            maks_timer,
            enheter,
            fra,
            til,
            hjemmel,
            vilkar,
            mal,
            leveringssted,
            helsehensyn,
            andeler,
        } = self.clone();
        let andeler = andeler.into_iter().map(|share| proto::Enhetsandel {
            enhet: navn::enhet(&share.enhet),
            min_timer: share.min_timer,
            maks_timer: share.maks_timer,
        });
        proto::Tjenestelinje {
            linje_id: nr,
            r#type: type_.into(),
            min_timer,
            maks_timer,
            enheter: enheter.iter().map(|unit| navn::enhet(unit)).collect(),
            fra: fra.to_string(),
            til: dag(til),
            hjemmel: hjemmel.map(|basis| basis.to_proto()),
            vilkar,
            mal,
            leveringssted,
            helsehensyn,
            andeler: andeler.collect(),
        }
    }

    /// Fewest and most hours a week that one of its units delivers: its share, or
    /// an equal part.
    pub(crate) fn timer(&self, enhet: &str) -> (f64, f64) {
        if let Some(share) = self.andeler.iter().find(|share| share.enhet == enhet) {
            return (share.min_timer, share.maks_timer);
        }
        let units = self
            .enheter
            .iter()
            .fold(0.0, |sum, _| sum + 1.0_f64)
            .max(1.0);
        (self.min_timer / units, self.maks_timer / units)
    }

    /// Whether a day is in both lines.
    fn overlapper(&self, other: &Self) -> bool {
        let begins_before_end = |a: &Self, b: &Self| b.til.is_none_or(|til| a.fra <= til);
        begins_before_end(self, other) && begins_before_end(other, self)
    }
}

fn dag(day: Option<Dag>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

/// Reads what a draft says. Parts may be missing, but what is there is sound.
pub(crate) fn les(request: &proto::Vedtak, faults: &mut FieldFaults) -> Innhold {
    let linjer = linjer(&request.linjer, faults);
    let bolig = request.bolig.as_ref().map(|line| bolig(line, faults));
    let parter = enheter(&request.parter, "vedtak.parter", faults);
    let hovedansvarlig = match request.hovedansvarlig.as_str() {
        "" => String::new(),
        name => navn::les_enhet(name, "vedtak.hovedansvarlig", faults),
    };
    let mut text = |value: &str, field: &str| felt::tekst(value, field, felt::LANG, faults);
    let begrunnelse = text(&request.begrunnelse, "vedtak.begrunnelse");
    let medisinsk_grunnlag = text(&request.medisinsk_grunnlag, "vedtak.medisinsk_grunnlag");
    let funksjonsvurdering = text(&request.funksjonsvurdering, "vedtak.funksjonsvurdering");
    let okonomi_merknad = text(&request.okonomi_merknad, "vedtak.okonomi_merknad");
    let intern_vurdering = text(&request.intern_vurdering, "vedtak.intern_vurdering");
    let delt_vurdering = text(&request.delt_vurdering, "vedtak.delt_vurdering");
    let personens_syn = felt::filter(
        request.personens_syn,
        "vedtak.personens_syn",
        "samspor.bestillerkontor.v1.PersonensSyn",
        faults,
    )
    .unwrap_or_default();
    Innhold {
        linjer,
        bolig,
        hovedansvarlig,
        parter,
        koordinator: felt::tekst(
            &request.koordinator,
            "vedtak.koordinator",
            felt::KORT,
            faults,
        ),
        begrunnelse,
        medisinsk_grunnlag,
        funksjonsvurdering,
        okonomi_merknad,
        intern_vurdering,
        delt_vurdering,
        hjemmel: hjemmel(request.hjemmel.as_ref(), "vedtak.hjemmel", faults),
        parorende: parorende::les(&request.parorende, "vedtak.parorende", faults),
        utskrevet_fra_sykehus: request.utskrevet_fra_sykehus,
        avslag: avslag::les(&request.avslag, faults),
        personens_syn,
        personens_ord: evaluering::ord(
            &request.personens_ord,
            personens_syn,
            "vedtak.personens_ord",
            faults,
        ),
    }
}

/// A draft may lack the legal basis, but not have half of one.
pub(super) fn hjemmel(
    value: Option<&samspor_proto::felles::Hjemmel>,
    field: &str,
    faults: &mut FieldFaults,
) -> Option<Hjemmel> {
    value
        .filter(|basis| !basis.lov.is_empty() || !basis.paragraf.is_empty())
        .map(|basis| felt::hjemmel(Some(basis), field, faults))
}

fn linjer(lines: &[proto::Tjenestelinje], faults: &mut FieldFaults) -> Vec<Linje> {
    felt::antall(lines.len(), "vedtak.linjer", MAKS_LINJER, faults);
    let mut read: Vec<Linje> = Vec::new();
    for (place, line) in lines.iter().enumerate().take(MAKS_LINJER) {
        let at = format!("vedtak.linjer[{place}]");
        let Some(line) = linje(line, &at, faults) else {
            continue;
        };
        let clash = read.iter().any(|other| {
            other.type_ == line.type_
                && other.enheter.iter().any(|unit| line.enheter.contains(unit))
                && other.overlapper(&line)
        });
        if clash {
            faults.contradicts(
                format!("{at}.fra"),
                "vedtak.linjer",
                "samme tjeneste og enhet kan ikke ha to linjer for samme dag",
            );
        }
        if !line.nr.is_empty() && read.iter().any(|other| other.nr == line.nr) {
            faults.contradicts(
                format!("{at}.linje_id"),
                "vedtak.linjer",
                "to linjer kan ikke ha samme id",
            );
        }
        read.push(line);
    }
    read
}

fn linje(line: &proto::Tjenestelinje, at: &str, faults: &mut FieldFaults) -> Option<Linje> {
    let field = |name: &str| format!("{at}.{name}");
    let nr = felt::tekst(&line.linje_id, &field("linje_id"), 10, faults);
    if !nr.is_empty() && nr.parse::<u32>().is_err() {
        faults.form(field("linje_id"), "et heltall");
    }
    timer(line.min_timer, line.maks_timer, &format!("{at}."), faults);
    if line.enheter.is_empty() {
        faults.missing(field("enheter"));
    }
    let type_ = felt::valg(
        line.r#type,
        &field("type"),
        "samspor.bestillerkontor.v1.Tjenestetype",
        faults,
    );
    let enheter = enheter(&line.enheter, &field("enheter"), faults);
    let fra = felt::pakrevd_dag(&line.fra, &field("fra"), faults);
    let til = felt::dag(&line.til, &field("til"), faults);
    if let (Some(fra), Some(til)) = (fra, til)
        && til < fra
    {
        faults.contradicts(field("til"), field("fra"), "til kan ikke være før fra");
    }
    let hjemmel = hjemmel(line.hjemmel.as_ref(), &field("hjemmel"), faults);
    let andeler = andeler(line, &enheter, at, faults);
    let vilkar = felt::tekster(&line.vilkar, &field("vilkar"), MAKS_VILKAR, faults);
    let mal = felt::tekst(&line.mal, &field("mal"), felt::LANG, faults);
    let leveringssted = felt::tekst(
        &line.leveringssted,
        &field("leveringssted"),
        felt::KORT,
        faults,
    );
    let helsehensyn = felt::tekst(&line.helsehensyn, &field("helsehensyn"), felt::LANG, faults);
    Some(Linje {
        nr,
        type_,
        min_timer: line.min_timer,
        maks_timer: line.maks_timer,
        enheter,
        // Without a first day the fault above is the answer.
        fra: fra?,
        til,
        hjemmel,
        vilkar,
        mal,
        leveringssted,
        helsehensyn,
        andeler,
    })
}

/// Reads the shares of a line: one for each of its units, and together within its
/// hours.
fn andeler(
    line: &proto::Tjenestelinje,
    enheter: &[String],
    at: &str,
    faults: &mut FieldFaults,
) -> Vec<Andel> {
    let field = format!("{at}.andeler");
    felt::antall(line.andeler.len(), &field, MAKS_ENHETER, faults);
    let shares = line.andeler.iter().enumerate().take(MAKS_ENHETER);
    let shares: Vec<Andel> = shares
        .map(|(place, share)| {
            let at = format!("{field}[{place}].");
            timer(share.min_timer, share.maks_timer, &at, faults);
            Andel {
                enhet: navn::les_enhet(&share.enhet, &format!("{at}enhet"), faults),
                min_timer: share.min_timer,
                maks_timer: share.maks_timer,
            }
        })
        .collect();
    if shares.is_empty() {
        return shares;
    }
    let named: BTreeSet<&String> = shares.iter().map(|share| &share.enhet).collect();
    let least: f64 = shares.iter().map(|share| share.min_timer).sum();
    let most: f64 = shares.iter().map(|share| share.maks_timer).sum();
    if named.len() != shares.len() || named != enheter.iter().collect() {
        faults.contradicts(
            field,
            format!("{at}.enheter"),
            "én andel for hver enhet i linjen",
        );
    } else if least + MINUTT < line.min_timer || most > line.maks_timer + MINUTT {
        faults.contradicts(
            field,
            format!("{at}.maks_timer"),
            format_args!(
                "andelene gir {least} til {most} timer; linjen {} til {}",
                line.min_timer, line.maks_timer
            ),
        );
    }
    shares
}

/// 0 ≤ min ≤ maks ≤ 168, and maks above 0. Not a number is in no range.
pub(crate) fn timer(min: f64, max: f64, at: &str, faults: &mut FieldFaults) {
    let min_sound = (0.0..=UKE).contains(&min);
    let max_sound = max > 0.0 && max <= UKE;
    if !min_sound {
        faults.range(format!("{at}min_timer"), 0, UKE);
    }
    if !max_sound {
        faults.range(format!("{at}maks_timer"), "over 0", UKE);
    }
    if min_sound && max_sound && min > max {
        faults.contradicts(
            format!("{at}min_timer"),
            format!("{at}maks_timer"),
            "min kan ikke være over maks",
        );
    }
}

fn bolig(line: &proto::Boliglinje, faults: &mut FieldFaults) -> Bolig {
    Bolig {
        rett: felt::valg(
            line.rett,
            "vedtak.bolig.rett",
            "samspor.bestillerkontor.v1.Boligrett",
            faults,
        ),
        enhet: navn::les_enhet(&line.enhet, "vedtak.bolig.enhet", faults),
        fra: felt::pakrevd_dag(&line.fra, "vedtak.bolig.fra", faults),
        krav: felt::tekster(&line.krav, "vedtak.bolig.krav", MAKS_VILKAR, faults),
    }
}

fn enheter(names: &[String], field: &str, faults: &mut FieldFaults) -> Vec<String> {
    felt::antall(names.len(), field, MAKS_ENHETER, faults);
    let mut seen = BTreeSet::new();
    for (place, name) in names.iter().enumerate() {
        let at = format!("{field}[{place}]");
        let unit = navn::les_enhet(name, &at, faults);
        if !unit.is_empty() && !seen.insert(unit) {
            faults.contradicts(at, field, "en enhet kan bare stå én gang");
        }
    }
    seen.into_iter().collect()
}

/// Work can be sent to the unit: it takes orders in this municipality.
pub(crate) fn krev_ko(
    enhet: &str,
    field: impl Into<String>,
    utforere: &[String],
    faults: &mut FieldFaults,
) {
    if !enhet.is_empty() && !utforere.iter().any(|unit| unit == enhet) {
        let known: Vec<String> = utforere.iter().map(|unit| navn::enhet(unit)).collect();
        faults.unknown(field.into(), known.join(", "));
    }
}

/// Every unit of the lines takes orders, and that of the housing line allocates
/// dwellings of the type.
pub(crate) fn krev_koer(
    innhold: &Innhold,
    utforere: &[String],
    boligtildelere: &BTreeMap<String, Vec<String>>,
    faults: &mut FieldFaults,
) {
    if let Some(line) = &innhold.bolig {
        let allocate = boligtype(line.rett).and_then(|type_| boligtildelere.get(type_));
        let allocate = allocate.map_or(&[][..], Vec::as_slice);
        krev_ko(&line.enhet, "vedtak.bolig.enhet", allocate, faults);
    }
    for (place, line) in innhold.linjer.iter().enumerate() {
        for (at, unit) in line.enheter.iter().enumerate() {
            let field = format!("vedtak.linjer[{place}].enheter[{at}]");
            krev_ko(unit, field, utforere, faults);
        }
    }
}

/// The type of dwelling that a right is met with, as the municipality's file
/// names who allocates it: a training flat is let as other flats are.
fn boligtype(rett: Boligrett) -> Option<&'static str> {
    match rett {
        Boligrett::Unspecified => None,
        Boligrett::Omsorgsbolig | Boligrett::Bofellesskap => Some("omsorgsbolig"),
        Boligrett::Treningsleilighet => Some("kommunal_utleie"),
    }
}

/// Units that the person refuses, and where that was said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nektet {
    /// In the application.
    pub(crate) kontakt: BTreeSet<String>,
    /// With koordinering, as an objection to sharing.
    pub(crate) deling: BTreeSet<String>,
}

/// No unit is named that the person has refused. Asked at each decision, so
/// that nobody finds it out afterwards.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every place that names one.
pub(crate) fn krev_ikke_nektet(innhold: &Innhold, nektet: &Nektet) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    let lines = innhold.linjer.iter().enumerate();
    let of_lines = lines.flat_map(|(place, line)| {
        let units = line.enheter.iter().enumerate();
        units.map(move |(at, unit)| (format!("vedtak.linjer[{place}].enheter[{at}]"), unit))
    });
    let parties = innhold.parter.iter().enumerate();
    let of_parties = parties.map(|(at, unit)| (format!("vedtak.parter[{at}]"), unit));
    let housing = innhold.bolig.iter();
    let of_housing = housing.map(|line| ("vedtak.bolig.enhet".to_owned(), &line.enhet));
    let responsible = ("vedtak.hovedansvarlig".to_owned(), &innhold.hovedansvarlig);
    let named = of_lines.chain(of_parties).chain(of_housing);
    for (field, unit) in named.chain([responsible]) {
        ikke_nektet(unit, field, nektet, &mut faults);
    }
    faults.finish()
}

/// The same for one unit.
pub(crate) fn ikke_nektet(
    enhet: &str,
    field: impl Into<Cow<'static, str>>,
    nektet: &Nektet,
    faults: &mut FieldFaults,
) {
    if nektet.kontakt.contains(enhet) {
        faults.contradicts(
            field,
            "kontaktsamtykker",
            "personen har sagt nei til enheten; velg en annen, eller registrer at personen har \
             ombestemt seg (SettKontaktsamtykke)",
        );
    } else if nektet.deling.contains(enhet) {
        faults.contradicts(
            field,
            "reservasjon_mot_deling",
            "personen har reservert seg mot deling med enheten; velg en annen, eller la personen \
             oppheve reservasjonen (OpphevReservasjon)",
        );
    }
}

/// No unit is ordered the same service for the same days by two vedtak.
/// `i_kraft`: names and contents of the person's others.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every line that another vedtak has.
pub(crate) fn krev_ikke_dobbelt<'a>(
    innhold: &Innhold,
    i_kraft: impl IntoIterator<Item = (String, &'a Innhold)>,
) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    for (name, other) in i_kraft {
        let lines = innhold.linjer.iter().enumerate();
        for (place, line) in lines {
            let same = |had: &&Linje| had.type_ == line.type_ && had.overlapper(line);
            for had in other.linjer.iter().filter(same) {
                let units = line.enheter.iter().enumerate();
                for (at, _) in units.filter(|(_, unit)| had.enheter.contains(unit)) {
                    faults.contradicts(
                        format!("vedtak.linjer[{place}].enheter[{at}]"),
                        "vedtak.linjer",
                        format_args!(
                            "enheten leverer tjenesten i samme tid ved {name}; endre det \
                             (EndreVedtak), eller la linjen begynne når det slutter"
                        ),
                    );
                }
            }
        }
    }
    faults.finish()
}

/// The unit that decides has authority for each line, by the municipality's
/// file: `vedtaksmyndighet:<type>`, and `vedtaksmyndighet:bolig` for a housing
/// line.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` that names each line and the function that it takes.
pub(crate) fn krev_myndighet(innhold: &Innhold, funksjoner: &[String]) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    let mut krev = |field: String, type_: &str| {
        let function = format!("vedtaksmyndighet:{type_}");
        if !funksjoner.contains(&function) {
            faults.contradicts(
                field,
                function,
                "enheten har ikke denne funksjonen; den som har den, vedtar linjen",
            );
        }
    };
    for (place, line) in innhold.linjer.iter().enumerate() {
        krev(
            format!("vedtak.linjer[{place}].type"),
            &funksjonsnavn(line.type_),
        );
    }
    if innhold.bolig.is_some() {
        krev("vedtak.bolig.rett".to_owned(), "bolig");
    }
    // Whoever may grant it is who may refuse it.
    for (place, refused) in innhold.avslag.iter().enumerate() {
        if refused.om_bolig() {
            krev(format!("vedtak.avslag[{place}].bolig"), "bolig");
        } else {
            krev(
                format!("vedtak.avslag[{place}].type"),
                &funksjonsnavn(refused.type_),
            );
        }
    }
    faults.finish()
}

/// The type as the municipality's file writes it.
pub(crate) fn funksjonsnavn(type_: Tjenestetype) -> String {
    let name = type_.as_str_name();
    let name = name.strip_prefix("TJENESTETYPE_").unwrap_or(name);
    name.to_lowercase()
}

/// An amendment changes what is to come. A line keeps its first day unless that
/// has not come; what is new begins today or later; and nothing ends before
/// today.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every date that would change what was.
pub(crate) fn krev_fremover(before: &Innhold, after: &Innhold, today: Dag) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    for (place, line) in after.linjer.iter().enumerate() {
        let at = |field: &str| format!("vedtak.linjer[{place}].{field}");
        let old = before.linjer.iter().find(|old| old.nr == line.nr);
        if old.is_none_or(|old| old.fra != line.fra)
            && (line.fra < today || old.is_some_and(|old| old.fra < today))
        {
            faults.form(
                at("fra"),
                format_args!("uendret, eller {today} eller senere"),
            );
        }
        let ended = old.is_some_and(|old| old == line);
        if !ended && line.til.is_some_and(|til| til < today) {
            faults.form(at("til"), format_args!("{today} eller senere"));
        }
    }
    let [old, new] = [before, after].map(|innhold| innhold.bolig.as_ref()?.fra);
    if old != new && [old, new].iter().flatten().any(|day| *day < today) && after.bolig.is_some() {
        faults.form(
            "vedtak.bolig.fra",
            format_args!("uendret, eller {today} eller senere"),
        );
    }
    faults.finish()
}

/// Nothing is granted for days before the application was received.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every day before that.
pub(crate) fn krev_ikke_for(innhold: &Innhold, mottatt: Dag) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    let lines = innhold.linjer.iter().enumerate();
    let lines = lines.map(|(place, line)| (format!("vedtak.linjer[{place}].fra"), line.fra));
    let bolig = innhold.bolig.as_ref().and_then(|bolig| bolig.fra);
    let bolig = bolig.map(|fra| ("vedtak.bolig.fra".to_owned(), fra));
    for (field, _) in lines.chain(bolig).filter(|(_, fra)| *fra < mottatt) {
        faults.form(
            field,
            format_args!("{mottatt} (da søknaden kom) eller senere"),
        );
    }
    faults.finish()
}

/// The draft has all that a decision needs. `i_kraft`: the unit that has the
/// main responsibility for the person by another vedtak, which this one may
/// name though it delivers nothing here.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every part that is missing.
pub(crate) fn fullstendig(innhold: &Innhold, i_kraft: Option<&str>) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    if !innhold.innvilger() && innhold.avslag.is_empty() {
        faults.missing("vedtak.linjer");
    }
    avslag::fullstendig(&innhold.avslag, &mut faults);
    for (place, line) in innhold.linjer.iter().enumerate() {
        if line.hjemmel.is_none() {
            faults.missing(format!("vedtak.linjer[{place}].hjemmel"));
        }
    }
    if innhold.hjemmel.is_none() {
        faults.missing("vedtak.hjemmel");
    }
    if innhold.begrunnelse.is_empty() {
        faults.missing("vedtak.begrunnelse");
    }
    if innhold.personens_syn == PersonensSyn::Unspecified {
        faults.missing("vedtak.personens_syn");
    }
    let delivers = innhold
        .linjer
        .iter()
        .flat_map(|line| &line.enheter)
        .chain(innhold.bolig.iter().map(|line| &line.enhet))
        .any(|unit| *unit == innhold.hovedansvarlig);
    if !innhold.innvilger() && !innhold.avslag.is_empty() {
        if !innhold.hovedansvarlig.is_empty() {
            faults.contradicts(
                "vedtak.hovedansvarlig",
                "vedtak.linjer",
                "et vedtak som bare avslår, gir ingen hovedansvaret",
            );
        }
    } else if innhold.hovedansvarlig.is_empty() {
        faults.missing("vedtak.hovedansvarlig");
    } else if !delivers && i_kraft != Some(innhold.hovedansvarlig.as_str()) {
        faults.contradicts(
            "vedtak.hovedansvarlig",
            "vedtak.linjer",
            "må være en av enhetene i linjene, eller den som alt har hovedansvaret for personen",
        );
    }
    faults.finish()
}

/// Nothing is granted for a time that is over.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` with every line that is.
pub(crate) fn krev_ikke_over(innhold: &Innhold, today: Dag) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    for (place, line) in innhold.linjer.iter().enumerate() {
        if line.til.is_some_and(|til| til < today) {
            faults.form(
                format!("vedtak.linjer[{place}].til"),
                format_args!("{today} eller senere"),
            );
        }
    }
    faults.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::felles::Feilgrunn;

    use super::*;
    use crate::proveark;

    fn faults(change: impl FnOnce(&mut proto::Vedtak)) -> Vec<(String, Feilgrunn)> {
        let mut request = proveark::vedtak("s");
        change(&mut request);
        let mut faults = FieldFaults::new();
        les(&request, &mut faults);
        match faults.finish() {
            Ok(()) => Vec::new(),
            Err(refusal) => refusal
                .felt
                .into_iter()
                .map(|fault| (fault.felt, fault.grunn))
                .collect(),
        }
    }

    /// To see a row red, drop the check that it names from `les`.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn every_field_is_held_to_its_rule() {
        type Change = fn(&mut proto::Vedtak);
        let table: [(Change, &str, Feilgrunn); 20] = [
            (
                |v| v.personens_ord.clear(),
                "personens_ord",
                Feilgrunn::FeltMangler,
            ),
            (
                |v| v.linjer[0].min_timer = 5.0,
                "linjer[0].min_timer",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |v| v.linjer[0].min_timer = -0.5,
                "linjer[0].min_timer",
                Feilgrunn::FeltOmrade,
            ),
            (
                |v| v.linjer[0].maks_timer = 168.5,
                "linjer[0].maks_timer",
                Feilgrunn::FeltOmrade,
            ),
            (
                |v| v.linjer[0].maks_timer = f64::NAN,
                "linjer[0].maks_timer",
                Feilgrunn::FeltOmrade,
            ),
            (
                |v| {
                    v.linjer[0].min_timer = 0.0;
                    v.linjer[0].maks_timer = 0.0;
                },
                "linjer[0].maks_timer",
                Feilgrunn::FeltOmrade,
            ),
            (
                |v| v.linjer[0].til = "2027-01-31".into(),
                "linjer[0].til",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |v| v.linjer[0].fra.clear(),
                "linjer[0].fra",
                Feilgrunn::FeltMangler,
            ),
            (
                |v| v.linjer[0].fra = "1. februar".into(),
                "linjer[0].fra",
                Feilgrunn::FeltForm,
            ),
            (
                |v| v.linjer[0].r#type = 0,
                "linjer[0].type",
                Feilgrunn::FeltUkjentVerdi,
            ),
            (
                |v| v.linjer[1].enheter.clear(),
                "linjer[1].enheter",
                Feilgrunn::FeltMangler,
            ),
            (
                |v| v.linjer[1].enheter[0] = "ROP".into(),
                "linjer[1].enheter[0]",
                Feilgrunn::FeltForm,
            ),
            (
                |v| v.linjer[0].enheter.push("enheter/rop".into()),
                "linjer[0].enheter[1]",
                Feilgrunn::FeltMotstrid,
            ),
            (
                // The same service and unit from the last day of the first line.
                |v| {
                    v.linjer[0].til = "2027-06-30".into();
                    v.linjer.push(v.linjer[0].clone());
                    v.linjer[2].fra = "2027-06-30".into();
                    v.linjer[2].til.clear();
                },
                "linjer[2].fra",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |v| {
                    v.linjer[0].linje_id = "7".into();
                    v.linjer[1].linje_id = "7".into();
                },
                "linjer[1].linje_id",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |v| v.hovedansvarlig = "nav".into(),
                "hovedansvarlig",
                Feilgrunn::FeltForm,
            ),
            (
                |v| v.parter = vec!["enheter/nav".into(), "enheter/nav".into()],
                "parter[1]",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |v| v.hjemmel.as_mut().unwrap().paragraf.clear(),
                "hjemmel.paragraf",
                Feilgrunn::FeltMangler,
            ),
            (
                |v| v.bolig.as_mut().unwrap().rett = 0,
                "bolig.rett",
                Feilgrunn::FeltUkjentVerdi,
            ),
            (
                |v| v.begrunnelse = "x".repeat(felt::LANG + 1),
                "begrunnelse",
                Feilgrunn::FeltForLangt,
            ),
        ];
        assert_eq!(faults(|_| ()), []);
        for (change, field, reason) in table {
            assert_eq!(faults(change), [(format!("vedtak.{field}"), reason)]);
        }
    }

    fn fields(refused: Result<(), Refusal>) -> String {
        let felt = refused
            .err()
            .map(|refusal| refusal.felt)
            .unwrap_or_default();
        let names: Vec<String> = felt.into_iter().map(|fault| fault.felt).collect();
        names.join(" ")
    }

    /// Seen red: with `fra` compared to today alone.
    #[test]
    fn an_amendment_changes_what_is_to_come() {
        type Change = fn(&mut Innhold);
        let day = |text: &str| text.parse::<Dag>().unwrap();
        let today = day("2027-03-01");
        let mut before = read(&proveark::vedtak("s"));
        before.linjer[0].til = Some(day("2027-02-20"));
        let table: [(Change, &str); 11] = [
            (|_| (), ""),
            (|v| v.linjer[1].maks_timer = 9.0, ""),
            (|v| v.linjer[1].til = "2027-03-01".parse().ok(), ""),
            (|v| drop(v.linjer.remove(0)), ""),
            (
                |v| v.linjer[1].til = "2027-02-28".parse().ok(),
                "vedtak.linjer[1].til",
            ),
            (
                |v| v.linjer[1].fra = "2027-02-02".parse().unwrap(),
                "vedtak.linjer[1].fra",
            ),
            // What has begun does not begin later.
            (
                |v| v.linjer[1].fra = "2027-04-01".parse().unwrap(),
                "vedtak.linjer[1].fra",
            ),
            (
                |v| v.linjer[0].til = "2027-02-27".parse().ok(),
                "vedtak.linjer[0].til",
            ),
            (|v| v.linjer[1].nr = "9".into(), "vedtak.linjer[1].fra"),
            (
                |v| v.bolig.as_mut().unwrap().fra = "2027-02-28".parse().ok(),
                "vedtak.bolig.fra",
            ),
            (|v| v.bolig = None, ""),
        ];
        for (place, (change, expected)) in table.into_iter().enumerate() {
            let mut after = before.clone();
            change(&mut after);
            let found = fields(krev_fremover(&before, &after, today));
            assert_eq!(found, expected, "row {place}");
        }
    }

    /// Seen red: without the rule.
    #[test]
    fn nothing_is_granted_for_days_before_the_application() {
        let mut innhold = read(&proveark::vedtak("s"));
        let day = |text: &str| text.parse::<Dag>().unwrap();
        assert_eq!(fields(krev_ikke_for(&innhold, day("2027-02-01"))), "");
        let refusal = krev_ikke_for(&innhold, day("2027-02-02")).unwrap_err();
        let found: Vec<_> = refusal
            .felt
            .iter()
            .map(|fault| fault.felt.as_str())
            .collect();
        let lines = ["vedtak.linjer[0].fra", "vedtak.linjer[1].fra"];
        assert_eq!(found, [&lines[..], &["vedtak.bolig.fra"]].concat());
        innhold.bolig = None;
        assert_eq!(
            krev_ikke_for(&innhold, day("2027-02-02"))
                .unwrap_err()
                .felt
                .len(),
            2
        );
    }

    /// Seen red: with `any` function that begins with `vedtaksmyndighet`.
    #[test]
    fn a_line_is_decided_by_who_has_authority_for_its_type() {
        let innhold = read(&proveark::vedtak("s"));
        let held = |types: &[&str]| -> Vec<String> {
            let name = |type_: &&str| format!("vedtaksmyndighet:{type_}");
            types.iter().map(name).collect()
        };
        let all = held(&["rop_oppfolging", "boveiledning", "bolig"]);
        assert_eq!(fields(krev_myndighet(&innhold, &all)), "");
        let one = held(&["rop_oppfolging"]);
        let refusal = krev_myndighet(&innhold, &one).unwrap_err();
        assert_eq!(refusal.felt[0].felt, "vedtak.linjer[1].type");
        let said = format!("{:?}", refusal.felt[0]);
        assert!(said.contains("vedtaksmyndighet:boveiledning"), "{said}");
        assert_eq!(refusal.felt[1].felt, "vedtak.bolig.rett");
        let whole = vec!["vedtaksmyndighet".to_owned()];
        assert_eq!(krev_myndighet(&innhold, &whole).unwrap_err().felt.len(), 3);
    }

    /// Seen red: with `krev_koer` that accepts everybody; with any allocator for
    /// any right.
    #[test]
    fn a_line_goes_to_a_unit_that_takes_orders() {
        let innhold = read(&proveark::vedtak("s"));
        let mut faults = FieldFaults::new();
        krev_koer(
            &innhold,
            &["rop".to_owned()],
            &[("midlertidig".to_owned(), vec!["boligkontor".to_owned()])].into(),
            &mut faults,
        );
        let refusal = faults.finish().unwrap_err();
        let named: Vec<&str> = refusal.felt.iter().map(|f| f.felt.as_str()).collect();
        assert_eq!(named, ["vedtak.bolig.enhet", "vedtak.linjer[1].enheter[0]"]);
        for fault in &refusal.felt {
            assert_eq!(fault.grunn, Feilgrunn::FeltUkjentVerdi);
        }
    }

    #[test]
    fn lines_of_one_service_may_follow_each_other() {
        let found = faults(|v| {
            v.linjer[0].til = "2027-06-30".into();
            v.linjer.push(v.linjer[0].clone());
            v.linjer[2].fra = "2027-07-01".into();
            v.linjer[2].til.clear();
        });
        assert_eq!(found, []);
    }

    fn read(request: &proto::Vedtak) -> Innhold {
        let mut faults = FieldFaults::new();
        let innhold = les(request, &mut faults);
        faults.finish().unwrap();
        innhold.med_linje_id()
    }

    #[test]
    fn a_decision_needs_all_its_parts() {
        let whole = read(&proveark::vedtak("s"));
        assert!(fullstendig(&whole, None).is_ok());
        let empty = fullstendig(&Innhold::default(), None).unwrap_err();
        let missing: Vec<&str> = empty.felt.iter().map(|f| f.felt.as_str()).collect();
        assert_eq!(
            missing,
            [
                "vedtak.linjer",
                "vedtak.hjemmel",
                "vedtak.begrunnelse",
                "vedtak.personens_syn",
                "vedtak.hovedansvarlig"
            ]
        );
        let mut line = whole;
        line.linjer[1].hjemmel = None;
        let refusal = fullstendig(&line, None).unwrap_err();
        assert_eq!(refusal.felt[0].felt, "vedtak.linjer[1].hjemmel");
        line.linjer[1].hjemmel.clone_from(&line.hjemmel);
        // A party that delivers nothing cannot answer for the whole.
        line.hovedansvarlig = "nav".into();
        let refusal = fullstendig(&line, None).unwrap_err();
        assert_eq!(refusal.felt[0].felt, "vedtak.hovedansvarlig");
        assert_eq!(refusal.felt[0].grunn, Feilgrunn::FeltMotstrid);
        // Unless it answers for the person by another vedtak.
        assert!(fullstendig(&line, Some("nav")).is_ok());
    }

    #[test]
    fn what_was_read_is_what_is_answered() {
        let request = proveark::vedtak("s");
        let mut expected = request.clone();
        expected.soknad.clear();
        expected.linjer[0].linje_id = "1".into();
        expected.linjer[1].linje_id = "2".into();
        assert_eq!(read(&request).to_proto(), expected);
    }

    /// To see it red, drop one class from `med_skjermet_fra`.
    #[test]
    fn writing_back_what_was_withheld_does_not_empty_it() {
        let before = read(&proveark::vedtak("s"));
        let mut redacted = proveark::vedtak("s");
        redacted.medisinsk_grunnlag.clear();
        redacted.funksjonsvurdering.clear();
        redacted.okonomi_merknad.clear();
        redacted.intern_vurdering.clear();
        redacted.delt_vurdering.clear();
        redacted.parorende.clear();
        redacted.bolig = None;
        for (line, id) in redacted.linjer.iter_mut().zip(["1", "2"]) {
            line.linje_id = id.into();
            line.helsehensyn.clear();
            line.mal.clear();
            line.leveringssted.clear();
        }
        let only = Klasser::av(&[Dataklasse::Tjeneste]);
        let after = read(&redacted).med_skjermet_fra(&before, only);
        assert_eq!(after, before);
        // With every class the same request does empty them.
        let after = read(&redacted).med_skjermet_fra(&before, Klasser::alle());
        assert_eq!(after, read(&redacted));
    }

    #[test]
    fn the_last_day_is_that_of_the_last_line_when_all_end() {
        let mut innhold = read(&proveark::vedtak("s"));
        assert_eq!(innhold.siste_dag(), None);
        innhold.bolig = None;
        innhold.linjer[0].til = "2027-06-30".parse().ok();
        innhold.linjer[1].til = None;
        assert_eq!(innhold.siste_dag(), None);
        innhold.linjer[1].til = "2027-12-31".parse().ok();
        assert_eq!(innhold.siste_dag(), "2027-12-31".parse().ok());
    }
}
