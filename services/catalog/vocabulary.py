"""The catalogue's closed lists: an English code for the API, a German slug for addresses, a German label for people.

Topics are no closed list: editors change them, so they are data with a history (`topic.py`).
"""

from enum import StrEnum
from typing import Self


class Term(StrEnum):
    """A word of a closed list; its value is the code. `law` is where a legal form is regulated, else empty."""

    slug: str
    label: str
    law: str

    def __new__(cls, code: str, slug: str = "", label: str = "", law: str = "") -> Self:
        term = str.__new__(cls, code)
        term._value_ = code
        term.slug, term.label, term.law = slug, label, law
        return term


class LegalForm(Term):
    """The law a cooperation stands on."""

    WORKING_GROUP = "working_group", "arbeitsgemeinschaft", "Kommunale Arbeitsgemeinschaft", "§§ 2–3 GkG NRW"
    SPECIAL_PURPOSE_ASSOCIATION = "special_purpose_association", "zweckverband", "Zweckverband", "§§ 4–22a GkG NRW"
    PUBLIC_LAW_AGREEMENT_DELEGATING = (
        "public_law_agreement_delegating",
        "oerv_delegierend",
        "Öffentlich-rechtliche Vereinbarung, delegierend",
        "§ 23 Abs. 1 Alt. 1, Abs. 2 Satz 1 GkG NRW",
    )
    PUBLIC_LAW_AGREEMENT_MANDATING = (
        "public_law_agreement_mandating",
        "oerv_mandatierend",
        "Öffentlich-rechtliche Vereinbarung, mandatierend",
        "§ 23 Abs. 1 Alt. 2, Abs. 2 Satz 2 GkG NRW",
    )
    JOINT_MUNICIPAL_ENTERPRISE = (
        "joint_municipal_enterprise",
        "gemeinsames_kommunalunternehmen",
        "Gemeinsames Kommunalunternehmen (AöR)",
        "§§ 27–28 GkG NRW",
    )
    MANDATORY_ASSOCIATION = (
        "mandatory_association",
        "pflichtverband_pflichtregelung",
        "Pflichtverband / Pflichtregelung",
        "§§ 13, 26 GkG NRW",
    )
    PUBLIC_LAW_CONTRACT = (
        "public_law_contract",
        "oeffentlich_rechtlicher_vertrag",
        "Öffentlich-rechtlicher Vertrag",
        "§ 54 VwVfG NRW",
    )
    ADMINISTRATIVE_AGREEMENT = (
        "administrative_agreement",
        "verwaltungsvereinbarung",
        "Verwaltungsvereinbarung",
        "§ 54 VwVfG NRW (übliche Einordnung)",
    )
    LIMITED_COMPANY = "limited_company", "gmbh", "GmbH / gGmbH", "Privatrecht, § 1 Abs. 3 GkG NRW"
    REGISTERED_ASSOCIATION = "registered_association", "verein", "Eingetragener Verein", "BGB; § 1 Abs. 3 GkG NRW"
    COOPERATIVE = "cooperative", "genossenschaft", "Eingetragene Genossenschaft", "GenG; § 1 Abs. 3 GkG NRW"
    PRIVATE_LAW_CONTRACT = (
        "private_law_contract",
        "privatrechtlicher_vertrag",
        "Privatrechtlicher Vertrag",
        "BGB; § 1 Abs. 3 GkG NRW",
    )
    LETTER_OF_INTENT = "letter_of_intent", "letter_of_intent", "Absichtserklärung (Letter of Intent)"
    INFORMAL = "informal", "informell", "Informelle Zusammenarbeit"
    PLANNING_ASSOCIATION = (
        "planning_association",
        "planungsverband",
        "Planungsverband",
        "§ 205 BauGB; § 32 GkG NRW (Planungsverbände)",
    )
    OTHER = "other", "sonstige", "Sonstige / unbekannt"


class Stage(Term):
    """How far a cooperation has come."""

    IDEA = "idea", "idee", "Idee"
    INITIATION = "initiation", "anbahnung", "Anbahnung (Partnersuche, Vorgespräche)"
    PREPARATION = "preparation", "vorbereitung", "Vorbereitung (Machbarkeit, Konzept, Förderantrag, Beschlüsse)"
    PLANNED = "planned", "geplant", "Beschlossen / geplant"
    SET_UP = "set_up", "einrichtung", "Einrichtung (Vertrag, Personal, Technik)"
    PILOT = "pilot", "pilot", "Prototyp / Pilot"
    OPERATING = "operating", "umgesetzt", "In Betrieb / umgesetzt"
    EXTENSION = "extension", "erweiterung", "Erweiterung (neue Partner, neue Aufgaben)"
    COMPLETED = "completed", "abgeschlossen", "Abgeschlossen"
    TERMINATED = "terminated", "beendet", "Beendet / aufgelöst"


class OrganisationType(Term):
    """What kind of body an organisation is.

    The district level of an independent city (its five-digit AGS) is an entry of its own in the official directory; it
    has a type of its own here, so that no city is counted or offered twice.
    """

    INDEPENDENT_CITY = "independent_city", "kreisfreie_stadt", "Kreisfreie Stadt"
    INDEPENDENT_CITY_DISTRICT = (
        "independent_city_district",
        "kreisebene_kreisfreie_stadt",
        "Kreisebene einer kreisfreien Stadt",
    )
    DISTRICT = "district", "kreis", "Kreis"
    CITY_REGION = "city_region", "staedteregion", "Städteregion Aachen"
    TOWN = "town", "kreisangehoerige_stadt", "Kreisangehörige Stadt"
    MUNICIPALITY = "municipality", "kreisangehoerige_gemeinde", "Kreisangehörige Gemeinde"
    REGIONAL_ASSOCIATION = "regional_association", "landschaftsverband", "Landschaftsverband (LVR, LWL)"
    RUHR_REGIONAL_ASSOCIATION = "ruhr_regional_association", "rvr", "Regionalverband Ruhr"
    SPECIAL_PURPOSE_ASSOCIATION = "special_purpose_association", "zweckverband", "Zweckverband"
    MUNICIPAL_ENTERPRISE = "municipal_enterprise", "kommunalunternehmen", "Kommunales Unternehmen / AöR"
    IT_SERVICE_PROVIDER = "it_service_provider", "it_dienstleister", "Kommunaler IT-Dienstleister"
    MUNICIPAL_ASSOCIATION = "municipal_association", "spitzenverband", "Kommunaler Spitzenverband"
    DISTRICT_GOVERNMENT = "district_government", "bezirksregierung", "Bezirksregierung"
    MINISTRY = "ministry", "ministerium", "Ministerium"
    LEADER_REGION = "leader_region", "leader_region", "LEADER-Region"
    HOSPITAL = "hospital", "krankenhaus", "Krankenhaus / Klinikum"
    CULTURAL_INSTITUTION = "cultural_institution", "kultureinrichtung", "Museum / Kultureinrichtung"
    UNIVERSITY = "university", "hochschule", "Hochschule / Forschung"
    AUDIT_INSTITUTION = "audit_institution", "gpa", "Gemeindeprüfungsanstalt"
    MUNICIPALITY_OUTSIDE_NRW = "municipality_outside_nrw", "kommune_ausserhalb_nrw", "Kommune außerhalb von NRW"
    FEDERAL_AGENCY = "federal_agency", "bundesbehoerde", "Bundesbehörde"
    PRIVATE_BODY = "private_body", "private", "Private / Verein / Unternehmen"


class Role(Term):
    """What an organisation does in a cooperation."""

    LEAD = "lead", "federfuehrend", "federführend"
    DELEGATING = "delegating", "abgebend", "abgebend"
    PERFORMING = "performing", "aufnehmend", "aufnehmend / durchführend"
    PARTICIPANT = "participant", "beteiligt", "beteiligt"
    ASSOCIATED = "associated", "assoziiert", "assoziiert"
    FUNDER = "funder", "foerdernd", "fördernd"
    SERVICE_PROVIDER = "service_provider", "dienstleister", "Dienstleister"


class Motive(Term):
    """Why municipalities join forces."""

    DEMOGRAPHIC_CHANGE = "demographic_change", "demografischer_wandel", "Demografischer Wandel"
    SKILLS_SHORTAGE = "skills_shortage", "fachkraeftemangel", "Fachkräftemangel"
    RISING_CASELOAD = "rising_caseload", "steigende_fallzahlen", "Steigendes Fallaufkommen"
    LEGAL_COMPLEXITY = "legal_complexity", "rechtliche_komplexitaet", "Steigende rechtliche Anforderungen"
    NEED_FOR_SPECIALISTS = "need_for_specialists", "bedarf_an_spezialwissen", "Bedarf an Spezialwissen"
    SCARCE_FINANCES = "scarce_finances", "knappe_finanzen", "Geringer werdende finanzielle Ressourcen"
    DIGITALISATION = "digitalisation", "digitalisierung", "Digitalisierung"
    CLIMATE_IMPACTS = "climate_impacts", "klimafolgen", "Klimafolgen"
    COVER_AND_RESILIENCE = "cover_and_resilience", "vertretung", "Vertretung und Ausfallsicherheit"


class SuccessFactor(Term):
    """What made it work."""

    EQUAL_FOOTING = "equal_footing", "augenhoehe", "Kooperation auf Augenhöhe"
    MUTUAL_TRUST = "mutual_trust", "vertrauen", "Gegenseitiges Vertrauen"
    POLITICAL_WILL = "political_will", "politischer_wille", "Politische Bereitschaft"
    CLEAR_GOALS = "clear_goals", "klare_ziele", "Ziele, Zuständigkeiten und Ressourcen früh schriftlich"
    OPEN_INFORMATION = "open_information", "offene_information", "Regelmäßige und ehrliche Information der Partner"
    INVOLVE_STAFF = "involve_staff", "personal_einbinden", "Personal früh einbinden"
    CONFLICT_RULES = "conflict_rules", "konfliktregelung", "Regelung für Konfliktfälle"
    EXIT_RULES = "exit_rules", "ausstiegsregelung", "Regelung für den Ausstieg"
    VISIBLE_MILESTONES = "visible_milestones", "teilerfolge", "Teilerfolge sichtbar machen"


class Obstacle(Term):
    """What stood in the way."""

    ORGANISATIONAL_DIFFERENCES = (
        "organisational_differences",
        "unterschiedliche_organisation",
        "Unterschiede in Organisation",
    )
    STRUCTURAL_DIFFERENCES = "structural_differences", "unterschiedliche_strukturen", "Unterschiede in Strukturen"
    PROCESS_DIFFERENCES = "process_differences", "unterschiedliche_prozesse", "Unterschiede in Prozessen"
    VAT = "vat", "umsatzsteuer", "Umsatzsteuer (§ 2b UStG)"
    PROCUREMENT_LAW = "procurement_law", "vergaberecht", "Vergaberecht"
    RESERVATIONS = "reservations", "vorbehalte", "Vorbehalte im Personal oder in der Politik"


class EffectKind(Term):
    """What a cooperation changed."""

    COST_SAVING = "cost_saving", "kosteneinsparung", "Kosteneinsparung"
    REVENUE_INCREASE = "revenue_increase", "ertragssteigerung", "Ertragssteigerung"
    QUALITY = "quality", "qualitaet", "Qualität der Leistung"
    KNOWLEDGE = "knowledge", "wissen", "Wissen"
    EMPLOYER_APPEAL = "employer_appeal", "arbeitgeberattraktivitaet", "Attraktivität als Arbeitgeber"
    COVER = "cover", "vertretungssicherheit", "Vertretungssicherheit"
    HEALTH_LITERACY = "health_literacy", "gesundheitskompetenz", "Gesundheitskompetenz"
    TIME_SAVING = "time_saving", "zeitersparnis", "Zeitersparnis"
    REUSE = "reuse", "nachnutzung", "Nachnutzung durch andere"


class EffectUnit(Term):
    """What the value of an effect counts."""

    PERCENT = "percent", "prozent", "Prozent"
    EUR = "eur", "euro", "Euro"
    EUR_PER_YEAR = "eur_per_year", "euro_je_jahr", "Euro im Jahr"
    HOURS = "hours", "stunden", "Stunden"
    HOURS_PER_YEAR = "hours_per_year", "stunden_je_jahr", "Stunden im Jahr"
    DAYS = "days", "tage", "Tage"
    FULL_TIME_EQUIVALENTS = "full_time_equivalents", "vollzeitstellen", "Vollzeitstellen"
    CASES = "cases", "faelle", "Fälle"
    COUNT = "count", "anzahl", "Anzahl"


class ResourceKind(Term):
    """What sort of aid a resource or a document is."""

    CHECKLIST = "checklist", "checkliste", "Checkliste"
    TEMPLATE = "template", "muster", "Muster / Vorlage"
    LAW = "law", "gesetz", "Gesetz / Verordnung"
    JUDGMENT = "judgment", "urteil", "Urteil"
    LITERATURE = "literature", "fachliteratur", "Fachliteratur"
    GUIDE = "guide", "leitfaden", "Leitfaden"
    SLIDES = "slides", "vortragsfolien", "Vortragsfolien"
    STUDY = "study", "studie", "Studie"
    PRESS_MATERIAL = "press_material", "oeffentlichkeitsarbeit", "Material für die Öffentlichkeitsarbeit"
    FAQ = "faq", "haeufige_frage", "Häufige Frage"


class AwardCategory(Term):
    """What a best-practice mark was given for."""

    MANDATORY_TASKS = (
        "mandatory_tasks",
        "pflichtaufgaben_innere_verwaltung",
        "Kommunale Pflichtaufgaben und Innere Verwaltung",
    )
    INFORMATION_EXCHANGE = (
        "information_exchange",
        "informationsaustausch_vernetzung",
        "Informationsaustausch und Vernetzung",
    )
    ECONOMY_TOURISM_CULTURE = (
        "economy_tourism_culture",
        "wirtschaft_tourismus_kultur",
        "Wirtschaftsförderung, Tourismus und Kultur",
    )
    ENVIRONMENT_PLANNING_INFRASTRUCTURE = (
        "environment_planning_infrastructure",
        "umwelt_planung_infrastruktur",
        "Umwelt, Planung und Infrastruktur",
    )
    CRISIS_RESPONSE = "crisis_response", "krisenbewaeltigung", "Krisenbewältigung"
    SHARED_SERVICE_CENTRE = "shared_service_centre", "shared_service_center", "Sonderkategorie Shared Service Center"


class Qualifier(Term):
    """How exactly a key figure is meant: a number with a qualifier must never be shown, or added up, without it."""

    EXACTLY = "exactly", "genau", "genau"
    ABOUT = "about", "rund", "rund"
    MORE_THAN = "more_than", "mehr_als", "mehr als"
    AT_LEAST = "at_least", "mindestens", "mindestens"
    FURTHER = "further", "weitere", "weitere"


class ProjectStatus(Term):
    """Where a project stands in its life."""

    DRAFTED = "drafted", "entwurf", "Entwurf"
    SUBMITTED = "submitted", "eingereicht", "Eingereicht"
    RETURNED = "returned", "zurueckgegeben", "Zur Überarbeitung zurückgegeben"
    PUBLISHED = "published", "veroeffentlicht", "Veröffentlicht"
    ARCHIVED = "archived", "archiviert", "Archiviert"


class ChecklistStage(Term):
    """The parts of the checklist that leads through an undertaking."""

    CONSIDERATIONS = "considerations", "grundueberlegungen", "Grundüberlegungen"
    SCHEDULING = "scheduling", "zeitplanung", "Zeitplanung"
    STARTING = "starting", "loslegen", "Loslegen"


class UndertakingStatus(Term):
    """Where an undertaking stands."""

    PREPARING = "preparing", "in_vorbereitung", "In Vorbereitung"
    FINISHED = "finished", "abgeschlossen", "Abgeschlossen, als Projekt angelegt"
    ABANDONED = "abandoned", "aufgegeben", "Aufgegeben"


VOCABULARIES: dict[str, type[Term]] = {
    "legal_form": LegalForm,
    "stage": Stage,
    "organisation_type": OrganisationType,
    "role": Role,
    "motive": Motive,
    "success_factor": SuccessFactor,
    "obstacle": Obstacle,
    "effect_kind": EffectKind,
    "effect_unit": EffectUnit,
    "resource_kind": ResourceKind,
    "qualifier": Qualifier,
    "award_category": AwardCategory,
    "project_status": ProjectStatus,
    "checklist_stage": ChecklistStage,
    "undertaking_status": UndertakingStatus,
}
