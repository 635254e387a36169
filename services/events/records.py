"""What the events service records and what it reads from."""

from services.events import (
    agenda_list,
    asked_people,
    attendance,
    attendance_list,
    calendar_address,
    group_message_list,
    material,
    material_list,
    own_calendar,
    project_talks,
    question,
    question_list,
    question_order,
    question_postponements,
    registration_list,
    series,
    series_list,
    session,
    session_list,
)

DECIDERS = (
    series.DECIDER,
    session.DECIDER,
    question.DECIDER,
    question_order.DECIDER,
    material.DECIDER,
    attendance.DECIDER,
    calendar_address.DECIDER,
)
PROJECTIONS = (
    series_list.PROJECTION,
    session_list.PROJECTION,
    agenda_list.PROJECTION,
    project_talks.PROJECTION,
    asked_people.PROJECTION,
    registration_list.PROJECTION,
    question_list.PROJECTION,
    question_list.ORDERS,
    question_postponements.PROJECTION,
    material_list.PROJECTION,
    attendance_list.PROJECTION,
    group_message_list.PROJECTION,
    own_calendar.PROJECTION,
)
