"""How long people wait for us: the one clock.

Business time: calendars, hours, timetables, zones; agreements (made and changed by supervisors, with iCalendar).
Waits: expectations (what asks for an answer), timeline (the fold) and clocks (what it moves), ledger (its rows), waits, corrections,
    retelling and strands (merged and split conversations), cuts and segments (who had it when).
Targets: policies, targets, verdicts. Episodes and their resolution: episodes, course, moves, resolving, resolutions, resolution_columns.
Alerts: chains, alerts (planned and raised), agenda (what the timer has to do, and when), alerting (set up), recipients, notices (in the
    app), deliveries, troubles (Parley's own).
Metrics: question, history with reading, keeping and shelf (waits in columns), percentiles and survival, metrics, rhythm, behind, sources,
    members (whose figures may be shown), now_waiting, typical, schedules (reports by mail).
Satisfaction (CSAT): satisfaction, its figures; who is asked, and what they say, is in conversations (surveys, ratings).
Looking ahead: replay and what_if, rota, staffing and queueing, forecast with fitting and forecasts, wallboard.
"""
