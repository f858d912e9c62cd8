//! What events, deadlines and methods are called where a person reads. A type
//! that nobody has heard of yet is its own words, so that a new service needs
//! nothing here; what is a decision, and which event answers which, are tables.

use samspor_proto::{
    klassifisering::{Metode, kontrakter},
    tilgang::Handling,
};

use super::tidslinje::Slag;

/// Names that their words do not explain.
const EGNE: &[(&str, &str)] = &[
    (
        "AvvikMelderFornoyd",
        "Melder er fornøyd med tilbakemeldingen",
    ),
    ("AvvikMelderSpurt", "Melder spurt"),
    ("AvvikMelderSvarte", "Melder svarte"),
    ("AvvikMelderUenig", "Melder er uenig i tilbakemeldingen"),
    ("NaklasseEndret", "Endret klasse for vanskelig å nå"),
    ("brukererfaring_spor", "Spør om brukererfaring"),
    ("fit_under_grensen", "FIT under grensen"),
];

/// Words that the contracts write in ASCII, as they are spelt.
#[rustfmt::skip]
const SKREVET: &[(&str, &str)] = &[
    ("aapent", "åpent"), ("aarsak", "årsak"), ("aktor", "aktør"), ("apen", "åpen"), ("apenbart", "åpenbart"),
    ("apne", "åpne"), ("apnet", "åpnet"), ("arsak", "årsak"), ("arsaker", "årsaker"),
    ("avgjorelse", "avgjørelse"), ("avslatt", "avslått"), ("avviksarsak", "avviksårsak"),
    ("dognbemannet", "døgnbemannet"), ("forelopig", "foreløpig"), ("foreslatt", "foreslått"),
    ("forlop", "forløp"), ("formal", "formål"), ("forsporsel", "forespørsel"), ("fullfort", "fullført"),
    ("gjenapnet", "gjenåpnet"), ("gjennomgatt", "gjennomgått"), ("gjor", "gjør"),
    ("hovedforlop", "hovedforløp"), ("inngatt", "inngått"), ("klargjores", "klargjøres"), ("lop", "løp"),
    ("losning", "løsning"), ("mal", "mål"), ("maneder", "måneder"), ("manedlig", "månedlig"), ("mote", "møte"),
    ("naer", "nær"), ("nar", "når"), ("nodtilgang", "nødtilgang"), ("nodtilganger", "nødtilganger"),
    ("okonomi", "økonomi"), ("omgjor", "omgjør"), ("oppfolging", "oppfølging"),
    ("oppfolginger", "oppfølginger"), ("opphor", "opphør"), ("opphort", "opphørt"),
    ("overforing", "overføring"), ("pa", "på"), ("paklaget", "påklaget"), ("palop", "påløp"),
    ("personsammenslaing", "personsammenslåing"), ("primaerkontakt", "primærkontakt"), ("rad", "råd"),
    ("restansemote", "restansemøte"), ("sammenslaing", "sammenslåing"),
    ("sammenslaingsforslag", "sammenslåingsforslag"), ("sammenslaingsoppheving", "sammenslåingsoppheving"),
    ("sammenslatt", "sammenslått"), ("sokbar", "søkbar"), ("soknad", "søknad"), ("soknader", "søknader"),
    ("sporsmal", "spørsmål"), ("utforer", "utfører"), ("utfort", "utført"), ("utlop", "utløp"),
    ("utloper", "utløper"), ("utlopt", "utløpt"), ("utmaling", "utmåling"),
];

/// Events by which a unit decides on a right, a stay, a tenancy or a protection.
const BESLUTNINGER: &[&str] = &[
    "BoligTildelt",
    "BoligsakAvslatt",
    "BoligsakGodkjent",
    "BoligsakTildelt",
    "BotilbudAvslatt",
    "BotilbudIkkeKlart",
    "BotilbudInnvilget",
    "EndringAvvist",
    "HenleggelseAvvist",
    "HovedansvarligByttet",
    "KlageAvgjort",
    "KlageOmgjort",
    "KlageOpprettholdt",
    "LeieforholdForlenget",
    "LeieforholdOppsagt",
    "LivsoppholdAvsluttet",
    "LivsoppholdInnvilget",
    "LivsoppholdVurdert",
    "OppholdForlenget",
    "PersonSammenslatt",
    "RestansesakAvgjort",
    "SoknadHenlagt",
    "UnntakInnvilget",
    "UtestengelseRegistrert",
    "UtestengelsesklageAvgjort",
    "VedtakEndret",
    "VedtakFattet",
    "VedtakFornyet",
    "VedtakGjenopptatt",
    "VedtakOpphort",
    "VedtakReturnert",
    "VernBekreftet",
    "VernOpphevet",
    "VetoNedlagt",
];

/// What is put into somebody's hands, and what answers it: of one record.
pub(super) struct Overlevering {
    /// Event that opens it.
    pub(super) apner: &'static str,
    /// Events that end it.
    pub(super) lukker: &'static [&'static str],
    /// What is open meanwhile.
    pub(super) hva: &'static str,
}

const fn par(
    apner: &'static str,
    lukker: &'static [&'static str],
    hva: &'static str,
) -> Overlevering {
    Overlevering { apner, lukker, hva }
}

#[rustfmt::skip]
pub(super) const OVERLEVERINGER: &[Overlevering] = &[
    par("AvviksdelForeslatt", &["AvviksdelAkseptert", "AvviksdelReturnert"], "Del av avvik venter på kvittering"),
    par("BehovMeldt", &["BotilbudInnvilget", "BotilbudAvslatt", "BotilbudIkkeKlart", "BotilbudBortfalt"], "Behov for et sted å sove venter på svar"),
    par("BehovMeldtIgjen", &["BotilbudInnvilget", "BotilbudAvslatt", "BotilbudIkkeKlart", "BotilbudBortfalt"], "Behov for et sted å sove venter på svar"),
    par("BekymringMottatt", &["BekymringBekreftet"], "Bekymring venter på bekreftelse"),
    par("BoligTilbudt", &["TilbudAkseptert", "TilbudAvslatt", "VetoNedlagt", "ReservasjonUtlopt", "ReservasjonOpphevet"], "Boligtilbud venter på svar"),
    par("BoligsakMottatt", &["BoligsakGodkjent", "BoligsakAvslatt", "BoligsakTrukket"], "Boligsak venter på avgjørelse"),
    par("BotilbudIkkeKlart", &["BotilbudInnvilget", "BotilbudAvslatt", "BotilbudBortfalt", "BehovMeldtIgjen"], "Uten et sted å sove"),
    par("BrukererfaringGitt", &["BrukererfaringBesvart"], "Brukererfaring venter på svar"),
    par("EndringForeslatt", &["VedtakEndret", "VedtakFornyet", "VedtakGjenopptatt", "VedtakOpphort", "EndringAvvist"], "Endring av vedtak venter på godkjenning"),
    par("HenleggelseForeslatt", &["SoknadHenlagt", "HenleggelseAvvist", "SoknadTrukket"], "Henleggelse venter på godkjenning"),
    par("HenvendelseMottatt", &["HenvendelseBesvart"], "Henvendelse venter på svar"),
    par("HovedansvarLedig", &["HovedansvarligByttet", "VedtakOpphort", "VedtakUtlopt"], "Uten hovedansvarlig"),
    par("KartleggingVarsel", &["KartleggingVarselKvittert"], "Varsel fra kartlegging venter på kvittering"),
    par("KlageMottatt", &["KlageOmgjort", "KlageOpprettholdt", "KlageTrukket"], "Klage venter på avgjørelse"),
    par("KlageOversendt", &["KlageAvgjort", "KlageTrukket"], "Klage venter hos statsforvalteren"),
    par("NodtilgangAvsluttet", &["NodtilgangGjennomgatt"], "Nødtilgang venter på gjennomgang"),
    par("NodtilgangStartet", &["NodtilgangAvsluttet", "NodtilgangGjennomgatt"], "Nødtilgang"),
    par("OppdragAvvist", &["OppdragTilbudt", "OppdragAvsluttet"], "Oppdrag uten utfører"),
    par("OppdragTilbudt", &["OppdragAkseptert", "OppdragAvvist", "OppdragAvsluttet"], "Oppdrag venter på svar"),
    par("OppfolgingEtterspurt", &["OppfolgingBekreftet", "OppfolgingAvsluttet"], "Oppfølging venter på bekreftelse"),
    par("OppgaveOpprettet", &["OppgaveKvittert"], "Oppgave venter på kvittering"),
    par("OpphorForeslatt", &["VedtakOpphort", "VedtakEndret", "EndringAvvist"], "Opphør av vedtak venter på godkjenning"),
    par("RadVenter", &["RadBekreftet"], "Råd venter på bekreftelse"),
    par("RestanseVarslet", &["RestansesakBesvart", "RestansesakAvgjort"], "Husleierestanse venter på svar"),
    par("SammenslaingForeslatt", &["PersonSammenslatt", "SammenslaingsforslagAvvist"], "Sammenslåing venter på bekreftelse"),
    par("SammenslaingsopphevingForeslatt", &["PersonsammenslaingOpphevet", "SammenslaingsforslagAvvist"], "Oppheving av sammenslåing venter på bekreftelse"),
    par("SamtykkeTilBekreftelse", &["SamtykkeBekreftet", "SamtykkeTrukket", "SamtykkeUtlopt"], "Samtykke venter på bekreftelse"),
    par("SoknadMottatt", &["KartleggingStartet", "SoknadHenlagt", "SoknadTrukket"], "Søknad venter på kartlegging"),
    par("TilbakemeldingGitt", &["TilbakemeldingBesvart"], "Tilbakemelding venter på svar"),
    par("UtestengelsePaklaget", &["UtestengelsesklageAvgjort"], "Klage på utestengelse venter på avgjørelse"),
    par("VedtakTilGodkjenning", &["VedtakFattet", "VedtakReturnert", "VedtakForkastet", "VedtakBortfalt"], "Vedtak venter på godkjenning"),
    par("VernForeslatt", &["VernBekreftet", "VernforslagAvvist"], "Vern venter på bekreftelse"),
    par("VernopphevingForeslatt", &["VernOpphevet", "VernforslagAvvist"], "Oppheving av vern venter på bekreftelse"),
];

/// Event of the ticker: a deadline is near.
pub(super) const FRIST_NAER: &str = "FristNaer";
/// Event of the ticker: a deadline is broken.
pub(super) const FRIST_BRUTT: &str = "FristBrutt";

/// What an event is.
pub(super) fn slag(type_: &str) -> Slag {
    let hands_over = |pair: &Overlevering| pair.apner == type_ || pair.lukker.contains(&type_);
    match type_ {
        FRIST_NAER => Slag::FristNaer,
        FRIST_BRUTT => Slag::FristBrutt,
        _ if BESLUTNINGER.contains(&type_) => Slag::Beslutning,
        _ if type_.starts_with("Nodtilgang") => Slag::Nodtilgang,
        _ if type_.starts_with("Avvik") => Slag::Avvik,
        _ if OVERLEVERINGER.iter().any(hands_over) => Slag::Overlevering,
        _ => Slag::Hendelse,
    }
}

/// `VedtakFattet` → `Vedtak fattet`, `forelopig_svar` → `Foreløpig svar`.
pub(super) fn norsk(name: &str) -> String {
    if let Some((_, own)) = EGNE.iter().find(|(of, _)| *of == name) {
        return (*own).to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    for letter in name.chars() {
        match letter {
            '_' => words.push(String::new()),
            letter if letter.is_uppercase() || words.is_empty() => {
                words.push(letter.to_lowercase().collect());
            }
            letter => {
                if let Some(word) = words.last_mut() {
                    word.push(letter);
                }
            }
        }
    }
    let spelt = |word: &String| {
        let known = SKREVET.iter().find(|(ascii, _)| ascii == word);
        known.map_or_else(|| word.clone(), |(_, spelt)| (*spelt).to_owned())
    };
    let text = words.iter().map(spelt).collect::<Vec<_>>().join(" ");
    stor(&text)
}

/// With a capital letter first.
pub(super) fn stor(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The method that a row of the access log names, where the contracts know it.
pub(super) fn metode(path: &str) -> Option<&'static Metode> {
    kontrakter().metoder.get(path)
}

/// Whether a method changes something. One that is not known is taken to read.
pub(super) fn skriver(path: &str) -> bool {
    metode(path).is_some_and(|method| {
        matches!(
            method.tilgang.handling(),
            Handling::Skriv | Handling::Inntak
        )
    })
}

/// `HentVedtak`.
pub(super) fn metodenavn(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What a call is, in words: `Leste vedtak`, `Listet oppdrag`, `Fatt vedtak`.
pub(super) fn kall(path: &str) -> String {
    let about = metode(path).map(|method| (method.tilgang.handling(), &method.tilgang.ressurs));
    match about {
        Some((Handling::Les, record)) => format!("Leste {}", norsk(record).to_lowercase()),
        Some((Handling::List, record)) => format!("Listet {}", norsk(record).to_lowercase()),
        _ => norsk(metodenavn(path)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use std::{collections::BTreeSet, fmt::Write as _, path::Path};

    use super::*;

    /// Every type of event that the services and the gateway write: a CamelCase
    /// literal of their code that is no method.
    fn typer() -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut files = Vec::new();
        for agency in std::fs::read_dir(root.join("services")).unwrap() {
            walk(&agency.unwrap().path().join("src"), &mut files);
        }
        walk(&root.join("gateway/src/own"), &mut files);
        let methods: BTreeSet<&str> = kontrakter()
            .metoder
            .keys()
            .map(|path| metodenavn(path))
            .collect();
        let mut types = BTreeSet::new();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            for literal in text.split('"').skip(1).step_by(2) {
                let capitals = literal.chars().filter(char::is_ascii_uppercase).count();
                let camel = literal.starts_with(|c: char| c.is_ascii_uppercase())
                    && literal.chars().all(|c| c.is_ascii_alphabetic())
                    && capitals > 1
                    && capitals < literal.len();
                if camel && !methods.contains(literal) {
                    types.insert(literal.to_owned());
                }
            }
        }
        types
    }

    fn walk(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                walk(&path, files);
            } else if name
                .strip_suffix(".rs")
                .is_some_and(|name| !name.contains("prove") && name != "tests")
            {
                files.push(path);
            }
        }
    }

    /// What a reviewer reads for each event, as it was looked through;
    /// `SAMSPOR_OPPDATER=1` writes it anew. One that is new is its own words until
    /// then.
    #[test]
    fn every_event_has_its_words() {
        let mut text = String::new();
        for type_ in typer() {
            writeln!(text, "{type_};{};{}", slag(&type_).navn(), norsk(&type_)).unwrap();
        }
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/gransk/forventet/hendelser.csv"
        );
        if std::env::var_os("SAMSPOR_OPPDATER").is_some() {
            std::fs::write(file, &text).unwrap();
        }
        let seen = std::fs::read_to_string(file).unwrap();
        assert!(seen.lines().count() > 150);
        for line in seen.lines() {
            let (type_, said) = line.split_once(';').unwrap();
            assert_eq!(said, format!("{};{}", slag(type_).navn(), norsk(type_)));
        }
    }

    /// A word of a table that no service says is a fault of the table.
    #[test]
    fn the_tables_speak_of_events_that_are() {
        let types = typer();
        let named = OVERLEVERINGER
            .iter()
            .flat_map(|pair| pair.lukker.iter().chain([&pair.apner]))
            .chain(BESLUTNINGER);
        let unknown: Vec<_> = named.filter(|name| !types.contains(**name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn names_become_words() {
        for (name, words) in [
            ("VedtakFattet", "Vedtak fattet"),
            ("OppholdOverTreManeder", "Opphold over tre måneder"),
            ("boligsak_forelopig_svar", "Boligsak foreløpig svar"),
            ("NoeHeltNytt", "Noe helt nytt"),
            ("", ""),
        ] {
            assert_eq!(norsk(name), words);
        }
        let read = "/samspor.bestillerkontor.v1.SoknadService/HentSoknad";
        assert_eq!(kall(read), "Leste søknad");
        assert!(!skriver(read));
        let write = "/samspor.bestillerkontor.v1.VedtakService/FattVedtak";
        assert_eq!(kall(write), "Fatt vedtak");
        assert!(skriver(write));
        assert_eq!(kall("/x.y/Ukjent"), "Ukjent");
    }
}
