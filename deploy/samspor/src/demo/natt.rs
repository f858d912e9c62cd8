//! Act two, on Karmøy's stock: somebody has nowhere to sleep tonight, gets a
//! place, and is there too long; how that ends is in `tildelt.rs`.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use samspor_chassis::{
    domene::Dag,
    tid::{Clock as _, SystemClock, Tid},
};
use samspor_proto::{
    felles::{Hjemmel, Rolle},
    nav::*,
    tilgang::Formal,
};

use super::{
    seen::seen,
    stage::{Someone, Stage, basis, short},
};

const BOTILBUD: &str = "nav.v1.BotilbudService";
const OPPHOLD: &str = "nav.v1.OppholdService";

/// Everybody in the act.
pub(super) struct Roller {
    /// On duty at Nav: takes calls, and decides alone when nobody else is there.
    pub(super) vakt: Someone,
    vakt_avgjor: Someone,
    pub(super) nav: Someone,
    pub(super) nav_avgjor: Someone,
    pub(super) rop: Someone,
    pub(super) rop_avgjor: Someone,
    pub(super) kontoret: Someone,
}

impl Roller {
    pub(super) async fn av(stage: &Stage<'_>) -> Result<Self> {
        let someone = async |name: &str, unit: &str, id: &str, role| {
            stage.someone(name, unit, id, role).await
        };
        let beslutter = Rolle::Beslutter;
        let saksbehandler = Rolle::Saksbehandler;
        Ok(Self {
            vakt: someone("Nav, on duty", "nav", "nav-vakt", Rolle::Inntak).await?,
            vakt_avgjor: someone("Nav, the same on duty", "nav", "nav-vakt", beslutter).await?,
            nav: someone("Nav, caseworker", "nav", "nav-a", saksbehandler).await?,
            nav_avgjor: someone("Nav, decider", "nav", "nav-b", beslutter).await?,
            rop: someone("ROP, caseworker", "rop", "rop-a", saksbehandler).await?,
            rop_avgjor: someone("ROP, decider", "rop", "rop-b", beslutter).await?,
            kontoret: someone(
                "Boligkontoret, who keeps the stock",
                "boligkontor",
                "bo-a",
                Rolle::Boligforvalter,
            )
            .await?,
        })
    }
}

pub(super) fn paragraf_27() -> Hjemmel {
    basis("sosialtjenesteloven", "§ 27")
}

/// `2027-04-12` of a deadline at the end of that day.
fn frist(of: Option<prost_types::Timestamp>) -> String {
    let due = of.and_then(|due| Tid::try_from(due).ok());
    due.map(|due| Dag::av(Tid(due.0 - 1)).to_string())
        .unwrap_or_default()
}

impl Stage<'_> {
    /// Plays the act. The trace of the contract.
    pub(super) async fn natt(&mut self) -> Result<String> {
        let who = Roller::av(self).await?;
        self.out.chapter("The municipality before");
        self.overview(&who.kontoret, "opens the overview", (12, 7))
            .await?;
        let monday = Dag::av(self.now());
        self.clock
            .til(monday.klokken(21).plus(Duration::from_mins(40)));
        self.out
            .chapter("A Monday, 21:40: somebody has nowhere to sleep");
        let (person, stay) = self.tonight(&who).await?;

        self.clock.til(monday.pluss_dager(1).klokken(10));
        self.out
            .chapter("The morning after: an application for a dwelling of one's own");
        let sak = self.applied_for(&who, &person).await?;
        self.out
            .chapter("One stay, one housing case, and what each agency sees of the other's");
        self.stay_read(&who.rop, &stay).await;
        self.case_read(&who.nav, &sak).await;

        self.days_pass(78, "three months are two weeks away");
        self.until_near(&who.nav, &stay).await?;
        self.tasks(&who.nav, &stay).await?;
        self.excepted(&who.nav_avgjor, &stay).await?;
        self.days_pass(15, "three months in temporary housing have passed");
        self.until_over(&who.nav, &stay).await?;
        self.tasks(&who.nav, &stay).await?;
        self.stay_read(&who.rop, &stay).await;

        let trace = self.allocated(&who, (&person, &sak, &stay)).await?;
        self.out.chapter("The municipality after");
        // The other twelve wait where they did.
        self.overview(&who.kontoret, "opens the overview again", (12, 12))
            .await?;
        self.show_log(&person).await?;
        Ok(trace)
    }

    /// From the call to a place with a checklist. The person, and the stay.
    async fn tonight(&mut self, who: &Roller) -> Result<(String, String)> {
        let person = self.known(&who.nav).await?;
        let request = MeldBehovRequest {
            parent: person.clone(),
            request_id: self.id(),
            kanal: Meldekanal::Vakttelefon.into(),
            arsak: Behovsarsak::Brudd.into(),
            eget_onske: "Et sted der jeg får være i fred.".to_owned(),
            kontaktes: "Venter på bussterminalen.".to_owned(),
            ..Default::default()
        };
        let formal = Formal::Oppfolging;
        self.must(
            &who.vakt,
            formal,
            "takes the call: no bed tonight",
            &format!("{BOTILBUD}/MeldBehov"),
            request,
            |answer: &MeldBehovResponse| {
                let receipt = answer.kvittering.clone().unwrap_or_default();
                format!("registered, receipt {}", receipt.referanse)
            },
        )
        .await?;
        self.offer_tonight(&who.vakt_avgjor, formal, &person)
            .await?;
        let request = ListPlasserRequest {
            parent: "enheter/nav".to_owned(),
            ..Default::default()
        };
        let all = self
            .must(
                &who.vakt_avgjor,
                Formal::Tildeling,
                "looks for a place",
                "nav.v1.PlassService/ListPlasser",
                request,
                |answer: &ListPlasserResponse| {
                    let own = |place: &&Plass| place.r#type() == Plasstype::Egen;
                    let own = answer.plasser.iter().filter(own).count();
                    format!("{own} dwellings of the municipality, all taken; a lodging house")
                },
            )
            .await?;
        let place = all.plasser.into_iter();
        let place = place.into_iter().find(|p| p.r#type() == Plasstype::Hospits);
        let place = place.context("no lodging house")?;
        let request = ListBotilbudRequest {
            parent: person.clone(),
            ..Default::default()
        };
        let desk = who.vakt_avgjor.desk.with_purpose(formal);
        let method = format!("{BOTILBUD}/ListBotilbud");
        let asked = desk.call::<_, ListBotilbudResponse>(&method, request).await;
        let asked = asked.result?.botilbud.into_iter().next();
        let mut request = InnvilgBotilbudRequest {
            name: asked.context("no request for a bed")?.name,
            request_id: self.id(),
            plass: place.name,
            til: Dag::av(self.now()).pluss_maneder(3).to_string(),
            begrunnelse: "Har ingen steder å sove i natt.".to_owned(),
            hjemmel: Some(paragraf_27()),
            ..Default::default()
        };
        let method = format!("{BOTILBUD}/InnvilgBotilbud");
        self.ask(
            &who.vakt_avgjor,
            Formal::Tildeling,
            "grants the lodging house, whose checklist says that nobody can cook there",
            &method,
            request.clone(),
            |_: &InnvilgBotilbudResponse| "granted",
        )
        .await;
        "Ingen annen plass er ledig i natt; mat serveres."
            .clone_into(&mut request.kvalitet_begrunnelse);
        request.request_id = self.id();
        let given = self
            .must(
                &who.vakt_avgjor,
                Formal::Tildeling,
                "grants it with the reason for the gap, alone, for nobody else is at work",
                &method,
                request,
                |answer: &InnvilgBotilbudResponse| {
                    let given = answer.botilbud.clone().unwrap_or_default();
                    let alone = if given.alene {
                        ", and it shows that one decided alone"
                    } else {
                        ""
                    };
                    format!(
                        "{} the same night{alone}",
                        given
                            .tilstand()
                            .as_str_name()
                            .trim_start_matches("BOTILBUD_TILSTAND_")
                    )
                },
            )
            .await?;
        let herself = self.the_person(&person).await?;
        self.offer_tonight(&herself, Formal::Innsyn, &person)
            .await?;
        let request = HentNattilbudRequest {
            parent: person.clone(),
        };
        self.ask(
            &who.rop,
            Formal::Oppfolging,
            "asks the same, and has no part in it yet",
            "nav.v1.NattService/HentNattilbud",
            request,
            |_: &HentNattilbudResponse| "answered",
        )
        .await;
        Ok((person, given.botilbud.unwrap_or_default().opphold))
    }

    /// «Has an offer for tonight.»
    async fn offer_tonight(&mut self, who: &Someone, formal: Formal, person: &str) -> Result<()> {
        let request = HentNattilbudRequest {
            parent: person.to_owned(),
        };
        self.must(
            who,
            formal,
            "asks whether there is an offer for tonight",
            "nav.v1.NattService/HentNattilbud",
            request,
            |answer: &HentNattilbudResponse| {
                let found = answer.nattilbud.clone().unwrap_or_default();
                let svar = found.svar().as_str_name().trim_start_matches("NATTSVAR_");
                format!("{svar}, the night of {}", found.natt)
            },
        )
        .await?;
        Ok(())
    }

    /// The stay, as somebody may see it.
    async fn stay_read(&mut self, who: &Someone, stay: &str) {
        let request = HentOppholdRequest {
            name: stay.to_owned(),
        };
        self.ask(
            who,
            Formal::Oppfolging,
            "reads the stay of the person who waits for a dwelling",
            &format!("{OPPHOLD}/HentOpphold"),
            request,
            |answer: &HentOppholdResponse| {
                let stay = answer.opphold.clone().unwrap_or_default();
                let over = match stay.over_tre_maneder {
                    true => "OVER three months".to_owned(),
                    false => format!("three months are over on {}", frist(stay.tre_maneder)),
                };
                let seen = seen("samspor.nav.v1.Opphold", &stay);
                (format!("since {}; {over}", stay.klokke_fra), Some(seen))
            },
        )
        .await;
    }

    /// What waits at Nav about a stay.
    async fn tasks(&mut self, who: &Someone, stay: &str) -> Result<()> {
        let request = ListOppgaverRequest {
            parent: "enheter/nav".to_owned(),
            page_size: 200,
            ..Default::default()
        };
        let now = self.now();
        self.must(
            who,
            Formal::Oppfolging,
            "opens the inbox, at what is about this stay",
            "nav.v1.InnboksService/ListOppgaver",
            request,
            |answer: &ListOppgaverResponse| {
                let about = answer.oppgaver.iter().filter(|task| task.post == stay);
                let line = |task: &Oppgave| {
                    let due = task.frist.and_then(|due| Tid::try_from(due).ok());
                    let broken = due.is_some_and(|due| due <= now);
                    format!(
                        "{} by {}{}",
                        short(task.r#type().as_str_name()),
                        frist(task.frist),
                        if broken { ", BROKEN" } else { "" }
                    )
                };
                let lines: Vec<String> = about.map(line).collect();
                lines.join(" · ")
            },
        )
        .await?;
        Ok(())
    }

    /// Waits for the clock of Nav, which tells on its own.
    async fn until_near(&self, who: &Someone, stay: &str) -> Result<()> {
        let request = || ListOppgaverRequest {
            parent: "enheter/nav".to_owned(),
            page_size: 200,
            ..Default::default()
        };
        let desk = who.desk.with_purpose(Formal::Oppfolging);
        until(async || {
            let method = "nav.v1.InnboksService/ListOppgaver";
            let list = desk.call::<_, ListOppgaverResponse>(method, request());
            let list = list.await.result.unwrap_or_default().oppgaver;
            let near =
                |task: &Oppgave| task.post == stay && task.r#type() == Oppgavetype::TreManeder;
            list.iter().any(near)
        })
        .await
    }

    async fn until_over(&self, who: &Someone, stay: &str) -> Result<()> {
        let desk = who.desk.with_purpose(Formal::Oppfolging);
        until(async || {
            let request = HentOppholdRequest {
                name: stay.to_owned(),
            };
            let method = format!("{OPPHOLD}/HentOpphold");
            let found = desk.call::<_, HentOppholdResponse>(&method, request);
            let found = found.await.result.unwrap_or_default().opphold;
            found.is_some_and(|stay| stay.over_tre_maneder)
        })
        .await
    }

    /// Nobody is put out because of the calendar: the stay goes on, with a
    /// reason and an end.
    async fn excepted(&mut self, who: &Someone, stay: &str) -> Result<()> {
        let mut request = ForlengOppholdRequest {
            name: stay.to_owned(),
            request_id: self.id(),
            til: self.day(45),
            begrunnelse: "Venter på kommunal bolig.".to_owned(),
            hjemmel: Some(paragraf_27()),
            ..Default::default()
        };
        let method = format!("{OPPHOLD}/ForlengOpphold");
        self.ask(
            who,
            Formal::Tildeling,
            "prolongs the stay past three months as if it were any other",
            &method,
            request.clone(),
            |_: &ForlengOppholdResponse| "prolonged",
        )
        .await;
        "Godkjent til kommunal bolig; en plass blir klar om noen uker."
            .clone_into(&mut request.unntak_begrunnelse);
        request.request_id = self.id();
        self.must(
            who,
            Formal::Tildeling,
            "prolongs it with the reason, which is an exception with its end",
            &method,
            request,
            |answer: &ForlengOppholdResponse| {
                let stay = answer.opphold.clone().unwrap_or_default();
                let last = stay.unntak.last().cloned().unwrap_or_default();
                format!("a bed every night until {}; the clock counts on", last.til)
            },
        )
        .await?;
        Ok(())
    }

    /// The stay ends, for the person has a home.
    pub(super) async fn moved_out(&mut self, who: &Someone, stay: &str) -> Result<()> {
        let request = AvsluttOppholdRequest {
            name: stay.to_owned(),
            request_id: self.id(),
            grunn: "Har fått kommunal bolig.".to_owned(),
            videre: Videre::KommunalBolig.into(),
            ..Default::default()
        };
        self.must(
            who,
            Formal::Tildeling,
            "ends the stay: the person has a home",
            &format!("{OPPHOLD}/AvsluttOpphold"),
            request,
            |answer: &AvsluttOppholdResponse| {
                let stay = answer.opphold.clone().unwrap_or_default();
                let state = stay.tilstand().as_str_name();
                state.trim_start_matches("OPPHOLD_TILSTAND_").to_owned()
            },
        )
        .await?;
        Ok(())
    }
}

/// Waits for what happens on its own.
pub(super) async fn until(is: impl AsyncFn() -> bool) -> Result<()> {
    const TRIES: u32 = 200;
    const PAUSE: Duration = Duration::from_millis(25);
    for _ in 0..TRIES {
        if is().await {
            return Ok(());
        }
        SystemClock.sleep_until(SystemClock.now().plus(PAUSE)).await;
    }
    bail!("what the story waits for does not happen")
}
