//! Act two, from the application to the keys: assessed by adopted conditions,
//! ranked with reasons, raced for, offered, let; and who hears of it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::join_all;
use samspor_chassis::tid::Tid;
use samspor_proto::{
    boligkontor::*,
    felles::Rolle,
    hendelse::{AbonnerRequest, AbonnerResponse, FolgRequest, FolgResponse, Hendelse},
    tilgang::Formal,
};
use tonic::Streaming;

use super::{
    natt::Roller,
    print::Step,
    seen::seen,
    stage::{Someone, Stage, basis, refusal, short},
};
use crate::desk::Answer;

const SAK: &str = "boligkontor.v1.BoligsakService";
const HOLDT: &str = "boligkontor.v1.ReservasjonService";
const TILDELING: Formal = Formal::Tildeling;
/// Longest wait for one more event.
const STILLE: Duration = Duration::from_millis(400);
/// Conditions of the municipality for what is let, by their keys.
const VILKAR: [&str; 5] = [
    "bosatt",
    "lovlig_opphold",
    "okonomisk_vanskeligstilt",
    "ikke_student",
    "ikke_militartjeneste",
];

/// The case of a place in the queue.
fn sak_av(plass: &Koplass) -> String {
    plass.name.replace("/koplasser/", "/boligsaker/")
}

fn person_av(plass: &Koplass) -> String {
    let end = plass.name.find("/koplasser/").unwrap_or_default();
    plass.name.get(..end).unwrap_or_default().to_owned()
}

fn has_it(answer: &ReserverBoligResponse) -> String {
    let held = answer.reservasjon.clone().unwrap_or_default();
    format!(
        "has it: place {}, {} passed over whom it suits, by {}",
        held.plass, held.forbigatte, held.regelversjon
    )
}

impl Stage<'_> {
    /// Filed by Nav on the person's behalf, assessed and approved where the type
    /// is allocated. The case.
    pub(super) async fn applied_for(&mut self, who: &Roller, person: &str) -> Result<String> {
        let request = RegistrerBoligsoknadRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            tildelingstype: Tildelingstype::KommunalUtleie.into(),
            soknad: Some(Boligsoknad {
                eget_onske: "Et sted med folk i nærheten, der jeg ikke blir kastet ut.".to_owned(),
                voksne: 1,
                behov: Some(Boligbehov {
                    omrader: vec!["Kopervik".to_owned()],
                    bemanning: Bemanning::Dogn.into(),
                    funksjon: "Trenger noen å spørre, også om natten.".to_owned(),
                    ..Boligbehov::default()
                }),
                boligsituasjon: Boligsituasjon::Midlertidig.into(),
                ..Boligsoknad::default()
            }),
        };
        self.must(
            &who.vakt,
            Formal::Oppfolging,
            "files it on the person's behalf, in the person's words",
            &format!("{SAK}/RegistrerBoligsoknad"),
            request,
            |answer: &RegistrerBoligsoknadResponse| {
                let receipt = answer.kvittering.clone().unwrap_or_default();
                format!("receipt {}; ROP allocates the type here", receipt.referanse)
            },
        )
        .await?;
        let request = ListBoligsakerRequest {
            parent: person.to_owned(),
            ..Default::default()
        };
        let sak = self
            .must(
                &who.rop,
                TILDELING,
                "finds it",
                &format!("{SAK}/ListBoligsaker"),
                request,
                |answer: &ListBoligsakerResponse| format!("{} case", answer.boligsaker.len()),
            )
            .await?
            .boligsaker
            .into_iter()
            .next()
            .context("no case")?;
        let met = |key: &str| Vilkarsvurdering {
            nokkel: key.to_owned(),
            utfall: Vilkarsutfall::Oppfylt.into(),
            ..Default::default()
        };
        let request = VurderVilkarRequest {
            name: sak.name,
            request_id: self.id(),
            etag: sak.etag,
            vilkar: VILKAR.map(met).to_vec(),
            ..Default::default()
        };
        let sak = self
            .must(
                &who.rop,
                TILDELING,
                "assesses each adopted condition",
                &format!("{SAK}/VurderVilkar"),
                request,
                |answer: &VurderVilkarResponse| {
                    let sak = answer.boligsak.clone().unwrap_or_default();
                    format!("{} met, by {}", sak.vilkar.len(), sak.regelversjon)
                },
            )
            .await?
            .boligsak
            .unwrap_or_default();
        let request = GodkjennBoligsakRequest {
            name: sak.name.clone(),
            request_id: self.id(),
            etag: sak.etag,
            hjemmel: Some(basis("boligsosialloven", "§ 6")),
            begrunnelse: "Vilkårene er oppfylt.".to_owned(),
        };
        self.must(
            &who.rop_avgjor,
            TILDELING,
            "approves it",
            &format!("{SAK}/GodkjennBoligsak"),
            request,
            |_: &GodkjennBoligsakResponse| "on the list",
        )
        .await?;
        self.queue(&who.rop, "", "asks who is before whom, and why")
            .await?;
        Ok(sak.name)
    }

    /// The case, as somebody may see it.
    pub(super) async fn case_read(&mut self, who: &Someone, sak: &str) {
        let request = HentBoligsakRequest {
            name: sak.to_owned(),
            versjon: 0,
        };
        let formal = match who.unit.as_str() {
            "" => Formal::Innsyn,
            _ => Formal::Oppfolging,
        };
        self.ask(
            who,
            formal,
            "reads how far the housing case has come",
            &format!("{SAK}/HentBoligsak"),
            request,
            |answer: &HentBoligsakResponse| {
                let sak = answer.boligsak.clone().unwrap_or_default();
                let state = sak.tilstand().as_str_name();
                let state = state.trim_start_matches("BOLIGSAK_TILSTAND_").to_owned();
                (state, Some(seen("samspor.boligkontor.v1.Boligsak", &sak)))
            },
        )
        .await;
    }

    /// The queue, each place with its reasons, and with a dwelling whether it
    /// suits.
    async fn queue(&mut self, who: &Someone, bolig: &str, what: &str) -> Result<Vec<Koplass>> {
        let request = RangerKoRequest {
            parent: format!("enheter/{}", who.unit),
            tildelingstype: Tildelingstype::KommunalUtleie.into(),
            bolig: bolig.to_owned(),
            ..Default::default()
        };
        let places = self
            .must(
                who,
                TILDELING,
                what,
                &format!("{SAK}/RangerKo"),
                request,
                |answer: &RangerKoResponse| {
                    let first = answer.koplasser.first().cloned().unwrap_or_default();
                    let long = answer.koplasser.iter().filter(|one| one.over_tre_maneder);
                    format!(
                        "{} wait, {} of them over three months in temporary housing; by {}",
                        answer.koplasser.len(),
                        long.count(),
                        first.regelversjon
                    )
                },
            )
            .await?
            .koplasser;
        let line = |place: &Koplass| {
            let why = match (place.egnethet(), place.foran_neste.as_str()) {
                (Egnethet::Egnet, _) => "the dwelling suits".to_owned(),
                (Egnethet::Uegnet, _) => format!("no: {}", place.uegnet_fordi.join("; ")),
                (Egnethet::Unspecified, "") => "the last".to_owned(),
                (Egnethet::Unspecified, next) => next.to_owned(),
            };
            let long = match place.over_tre_maneder {
                true => " (over three months in temporary housing, which changes no place)",
                false => "",
            };
            format!("{}. {why}{long}", place.plass)
        };
        let lines: Vec<String> = places.iter().map(line).collect();
        self.out.lines("The queue, place by place", &lines);
        Ok(places)
    }

    /// A dwelling that was made ready can be had. Its name.
    async fn ready(&mut self, who: &Someone, navn: &str) -> Result<String> {
        let request = ListBoligerRequest {
            parent: "enheter/boligkontor".to_owned(),
            tilstand: Boligtilstand::Klargjores.into(),
            ..Default::default()
        };
        let desk = who.desk.with_purpose(TILDELING);
        let method = "boligkontor.v1.BoligService/ListBoliger";
        let found: Answer<ListBoligerResponse> = desk.call(method, request).await;
        let is = |one: &Bolig| one.egenskaper.as_ref().is_some_and(|er| er.navn == navn);
        let bolig = found.result?.boliger.into_iter().find(is);
        let bolig = bolig.with_context(|| format!("no {navn}"))?;
        let empty = bolig.tomgang.unwrap_or_default();
        let request = MeldKlargjortRequest {
            name: bolig.name,
            request_id: self.id(),
        };
        let made = self
            .must(
                who,
                TILDELING,
                &format!("has {navn} ready"),
                "boligkontor.v1.BoligService/MeldKlargjort",
                request,
                |_: &MeldKlargjortResponse| {
                    let Tomgang { dager, kostnad, .. } = empty;
                    format!("can be had; it stood empty for {dager} days, {kostnad} kroner")
                },
            )
            .await?;
        Ok(made.bolig.unwrap_or_default().name)
    }

    /// From the queue to the keys. The trace of the contract.
    pub(super) async fn allocated(
        &mut self,
        who: &Roller,
        (person, sak, stay): (&str, &str, &str),
    ) -> Result<String> {
        self.out
            .chapter("Six caseworkers, one dwelling, the same second");
        let bolig = self.ready(&who.kontoret, "Utleiebolig 2").await?;
        let places = self
            .queue(
                &who.rop,
                &bolig,
                "asks whom it suits, in the order of the queue",
            )
            .await?;
        let others: Vec<Koplass> = places
            .into_iter()
            .filter(|one| sak_av(one) != sak)
            .collect();
        self.race(&bolig, &others).await?;

        self.out
            .chapter("A place with staff: who is first of those whom it suits");
        let bolig = self.ready(&who.kontoret, "Pilehagen 15").await?;
        self.queue(
            &who.rop,
            &bolig,
            "asks whom Pilehagen suits, in the order of the queue",
        )
        .await?;
        let request = ReserverBoligRequest {
            parent: person.to_owned(),
            request_id: self.id(),
            bolig,
            grunnlag: sak.to_owned(),
            begrunnelse: "Trenger bemanning hele døgnet, og vil bo i Kopervik.".to_owned(),
            ..Default::default()
        };
        let held = self
            .must(
                &who.rop,
                TILDELING,
                "holds it for the person",
                &format!("{HOLDT}/ReserverBolig"),
                request,
                has_it,
            )
            .await?
            .reservasjon
            .unwrap_or_default();

        self.out.chapter("An offer, a yes, a contract");
        let begun = self.now();
        let request = TilbyBoligRequest {
            name: held.name.clone(),
            request_id: self.id(),
            etag: held.etag,
            svarfrist: None,
        };
        self.must(
            &who.rop,
            TILDELING,
            "offers it",
            &format!("{HOLDT}/TilbyBolig"),
            request,
            |_: &TilbyBoligResponse| "the person has three working days; a no costs no place",
        )
        .await?;
        let herself = self.the_person(person).await?;
        let request = SvarTilbudRequest {
            name: held.name.clone(),
            request_id: self.id(),
            aksepterer: true,
            ..Default::default()
        };
        self.must(
            &herself,
            Formal::Innsyn,
            "says yes",
            &format!("{HOLDT}/SvarTilbud"),
            request,
            |_: &SvarTilbudResponse| "accepted",
        )
        .await?;
        let request = InngaKontraktRequest {
            name: held.name,
            request_id: self.id(),
            oppfolgere: vec!["enheter/rop".to_owned()],
            ..Default::default()
        };
        let answer = self
            .ask(
                &who.kontoret,
                TILDELING,
                "makes the contract; what was assessed is not shown to the landlord",
                "boligkontor.v1.LeieforholdService/InngaKontrakt",
                request,
                |answer: &InngaKontraktResponse| {
                    let held = answer.reservasjon.clone().unwrap_or_default();
                    let seen = seen("samspor.boligkontor.v1.Reservasjon", &held);
                    (
                        "a tenancy of three years, followed up by ROP".to_owned(),
                        Some(seen),
                    )
                },
            )
            .await;
        answer.result.context("the contract")?;
        self.case_read(&herself, sak).await;
        self.moved_out(&who.nav, stay).await?;

        self.out.chapter("Who heard of it");
        for unit in ["rop", "nav", "boligkontor"] {
            self.unit_heard(unit, person).await?;
        }
        self.herself_heard(&herself, person, begun).await?;
        Ok(answer.trace_id)
    }

    /// Several reserve one dwelling at once, each for another who waits. One
    /// has it.
    async fn race(&mut self, bolig: &str, places: &[Koplass]) -> Result<()> {
        let request = |place: &Koplass, reason: &str, id: String| ReserverBoligRequest {
            parent: person_av(place),
            request_id: id,
            bolig: bolig.to_owned(),
            grunnlag: sak_av(place),
            begrunnelse: "Ledig nå.".to_owned(),
            overstyring: reason.to_owned(),
            egnethetsunntak: reason.to_owned(),
            ..Default::default()
        };
        let method = format!("{HOLDT}/ReserverBolig");
        let last = places.last().context("nobody waits")?;
        let who = self
            .someone("ROP, caseworker 6", "rop", "rop-6", Rolle::Saksbehandler)
            .await?;
        let unreasoned = request(last, "", self.id());
        self.ask(
            &who,
            TILDELING,
            &format!("reserves it for place {}, and gives no reason", last.plass),
            &method,
            unreasoned,
            |_: &ReserverBoligResponse| "held",
        )
        .await;
        let reason = "Søkeren tar boligen som den er.";
        let mut callers = Vec::new();
        for (n, place) in (1..).zip(places) {
            let (name, id) = (format!("ROP, caseworker {n}"), format!("rop-{n}"));
            let who = self
                .someone(&name, "rop", &id, Rolle::Saksbehandler)
                .await?;
            callers.push((who, place, request(place, reason, self.id())));
        }
        let race = callers.into_iter().map(|(who, place, request)| {
            let method = &method;
            async move {
                let desk = who.desk.with_purpose(TILDELING);
                let answer: Answer<ReserverBoligResponse> = desk.call(method, request).await;
                (who, place, answer)
            }
        });
        let outcomes = join_all(race).await;
        let won = outcomes.iter().filter(|(.., answer)| answer.result.is_ok());
        let won = won.count();
        for (who, place, answer) in outcomes {
            let svar = match &answer.result {
                Ok(answer) => has_it(answer),
                Err(status) => refusal(status),
            };
            self.out.step(Step {
                kommune: self.kommune.to_owned(),
                hvem: who.name,
                hva: format!("reserves it for place {}, with a reason", place.plass),
                formal: "TILDELING".to_owned(),
                svar,
                avslatt: answer.result.is_err(),
                sporing: answer.trace_id,
                ..Step::default()
            });
        }
        ensure!(won == 1, "{won} have one dwelling");
        Ok(())
    }

    /// What a unit's own system was told of the person by the office that keeps
    /// the stock.
    async fn unit_heard(&mut self, unit: &str, person: &str) -> Result<()> {
        let name = format!("{}, its system", self.called(unit));
        let who = self.someone(&name, unit, "", Rolle::System).await?;
        let desk = who.desk.with_purpose(Formal::Ytelse);
        let request = AbonnerRequest {
            parent: format!("enheter/{unit}"),
            tjeneste: "boligkontor".to_owned(),
            etter: 0,
        };
        let method = "hendelse.v1.HendelseService/Abonner";
        let stream = desk.stream::<_, AbonnerResponse>(method, request).await?;
        let told = told(stream, |one| one.hendelse).await;
        let of = |event: &Hendelse| event.post.starts_with(person);
        self.heard(who, Formal::Ytelse, told.into_iter().filter(of));
        Ok(())
    }

    async fn herself_heard(&mut self, who: &Someone, person: &str, fra: Tid) -> Result<()> {
        let desk = who.desk.with_purpose(Formal::Innsyn);
        let request = FolgRequest {
            parent: person.to_owned(),
            tjeneste: "boligkontor".to_owned(),
            fra: Some(fra.to_proto()),
        };
        let method = "hendelse.v1.HendelseService/Folg";
        let stream = desk.stream::<_, FolgResponse>(method, request).await?;
        let told = told(stream, |one| one.hendelse).await;
        self.heard(who.clone(), Formal::Innsyn, told.into_iter());
        Ok(())
    }

    fn heard(&mut self, who: Someone, formal: Formal, events: impl Iterator<Item = Hendelse>) {
        let types: Vec<String> = events.map(|event| event.r#type).collect();
        self.out.step(Step {
            kommune: self.kommune.to_owned(),
            hvem: who.name,
            hva: "was told by boligkontoret".to_owned(),
            formal: short(formal.as_str_name()).to_owned(),
            svar: match types.is_empty() {
                true => "nothing".to_owned(),
                false => types.join(", "),
            },
            ..Step::default()
        });
    }
}

/// What a stream has, until it is silent.
async fn told<T>(mut stream: Streaming<T>, event: impl Fn(T) -> Option<Hendelse>) -> Vec<Hendelse> {
    let mut all = Vec::new();
    while let Ok(Ok(Some(one))) = tokio::time::timeout(STILLE, stream.message()).await {
        all.extend(event(one));
    }
    all
}
