// Reads iCalendar objects with ical.js: a JSON list of texts comes in, a JSON list of what it understands goes out.
import ICAL from "ical.js";

const texts = JSON.parse(await new Response(process.stdin).text());
process.stdout.write(JSON.stringify(texts.map(understood)));

function understood(text) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  return {
    method: calendar.getFirstPropertyValue("method"),
    zones: calendar.getAllSubcomponents("vtimezone").map((zone) => zone.getFirstPropertyValue("tzid")),
    events: calendar.getAllSubcomponents("vevent").map(entry),
  };
}

function entry(component) {
  const value = (name) => component.getFirstPropertyValue(name);
  return {
    uid: value("uid"),
    sequence: value("sequence"),
    status: value("status"),
    summary: value("summary"),
    location: value("location"),
    description: value("description"),
    stamp: value("dtstamp").toJSDate().toISOString(),
    begin: time(component.getFirstProperty("dtstart")),
    end: time(component.getFirstProperty("dtend")),
    organizer: value("organizer"),
    attendees: component.getAllProperties("attendee").map((one) => one.getFirstValue()),
  };
}

function time(property) {
  if (property === null) return null;
  const value = property.getFirstValue();
  const instant = value.isDate ? null : value.toJSDate().toISOString();
  return { zone: property.getParameter("tzid") ?? null, wall: value.toString(), instant };
}
