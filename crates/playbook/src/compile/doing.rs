//! The one key of a step that says what it does.

use domain::action::{FieldUpdate, Outreach};
use notation::{Place, Spanned};

use super::{
    Lint,
    assets::Assets,
    steps::{Earlier, bounded, branch},
    trigger::check_signal,
};
use crate::{
    act::{Act, HumanTask, Work},
    file,
    plan::Doing,
};

/// Everything a step can do, as files write it.
const KEYS: &str = "route_risk, summarize_account, create_task, assign_owner, update_field, \
                    notify_team, escalate, send_email, send_survey, propose_meeting, \
                    answer_ticket, human_task, wait_for, wait, branch";

pub(super) fn read(
    lint: &mut Lint<'_>,
    step: &file::Step,
    earlier: &Earlier<'_>,
    assets: &mut Assets,
) -> Option<Doing> {
    let given = given(step);
    match given.as_slice() {
        [_] => {}
        [] => {
            let message = format!("step `{}` does nothing", *step.id);
            lint.error(&step.id, message, Some(&format!("give it one of: {KEYS}")));
            return None;
        }
        [(first, _), (second, place), ..] => {
            let at = Spanned { value: (), place: *place };
            let message = format!("step does two things: `{first}` and `{second}`");
            lint.error(&at, message, Some("make two steps of it"));
            return None;
        }
    }
    act(lint, step, assets).map(Doing::Act).or_else(|| waiting(lint, step, earlier, assets))
}

/// The doing keys a step has, in the order of the catalogue.
fn given(step: &file::Step) -> Vec<(&'static str, Place)> {
    fn of<T>(name: &'static str, key: Option<&Spanned<T>>) -> Option<(&'static str, Place)> {
        key.map(|key| (name, key.place))
    }
    [
        of("route_risk", step.route_risk.as_ref()),
        of("summarize_account", step.summarize_account.as_ref()),
        of("create_task", step.create_task.as_ref()),
        of("assign_owner", step.assign_owner.as_ref()),
        of("update_field", step.update_field.as_ref()),
        of("notify_team", step.notify_team.as_ref()),
        of("escalate", step.escalate.as_ref()),
        of("send_email", step.send_email.as_ref()),
        of("send_survey", step.send_survey.as_ref()),
        of("propose_meeting", step.propose_meeting.as_ref()),
        of("answer_ticket", step.answer_ticket.as_ref()),
        of("human_task", step.human_task.as_ref()),
        of("wait_for", step.wait_for.as_ref()),
        of("wait", step.wait.as_ref()),
        of("branch", step.branch.as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn act(lint: &mut Lint<'_>, step: &file::Step, assets: &mut Assets) -> Option<Act> {
    let mut letter = |message: file::Message<'_>| {
        assets.find_letter(lint, message.asset);
        Outreach {
            to: message.to.to_vec(),
            class: message.class,
            channel: message.channel,
            asset: message.asset.value.clone(),
            prompt: named(lint, message.prompt),
        }
    };
    if let Some(email) = &step.send_email {
        return Some(Act::SendEmail(letter(email.message())));
    }
    if let Some(survey) = &step.send_survey {
        return Some(Act::SendSurvey { outreach: letter(survey.message()), survey: survey.survey });
    }
    if let Some(answer) = &step.answer_ticket {
        let file::Ticket::LatestOpen = answer.ticket;
        return Some(Act::AnswerTicket { outreach: letter(answer.message()) });
    }
    if let Some(meeting) = &step.propose_meeting {
        let outreach = letter(meeting.message());
        if !(15..=120).contains(&meeting.minutes.value) {
            lint.error(&meeting.minutes, "`minutes` must be 15 to 120", None);
        }
        return Some(Act::ProposeMeeting {
            outreach,
            minutes: meeting.minutes.value,
            after: meeting.r#in.get(),
        });
    }
    internal(lint, step, assets)
}

fn internal(lint: &mut Lint<'_>, step: &file::Step, assets: &mut Assets) -> Option<Act> {
    if let Some(route) = &step.route_risk {
        return Some(Act::RouteRisk { prompt: named(lint, &route.prompt) });
    }
    if let Some(summary) = &step.summarize_account {
        return Some(Act::SummarizeAccount { prompt: named(lint, &summary.prompt) });
    }
    if let Some(task) = &step.create_task {
        return Some(Act::CreateTask(Work {
            team: task.r#for,
            title: task.title.value.clone(),
            asset: task.asset.as_ref().and_then(|name| assets.find(lint, name)),
            due: bounded(lint, &task.due),
        }));
    }
    if let Some(assign) = &step.assign_owner {
        return Some(Act::AssignOwner { to: assign.to, reason: assign.reason.value.clone() });
    }
    if let Some(update) = &step.update_field {
        return Some(Act::UpdateField(FieldUpdate::Lifecycle(update.lifecycle)));
    }
    if let Some(notify) = &step.notify_team {
        return Some(Act::NotifyTeam { team: notify.team, text: notify.text.value.clone() });
    }
    let escalate = step.escalate.as_ref()?;
    Some(Act::Escalate {
        to: escalate.to,
        reason: escalate.reason.value.clone(),
        due: bounded(lint, &escalate.due),
    })
}

fn waiting(
    lint: &mut Lint<'_>,
    step: &file::Step,
    earlier: &Earlier<'_>,
    assets: &mut Assets,
) -> Option<Doing> {
    if let Some(task) = &step.human_task {
        let due = bounded(lint, &task.due);
        if let Some(up_to) = task.up_to.as_ref().filter(|up_to| up_to.get() < due) {
            let help = "let the run wait at least until then";
            lint.warn(up_to, "run goes on before the task is due", help);
        }
        return Some(Doing::HumanTask(HumanTask {
            work: Work {
                team: task.r#for,
                title: task.title.value.clone(),
                asset: task.asset.as_ref().and_then(|name| assets.find(lint, name)),
                due,
            },
            up_to: task.up_to.as_ref().map(|up_to| up_to.get()),
        }));
    }
    if let Some(wait) = &step.wait_for {
        check_signal(lint, &wait.signal);
        return Some(Doing::WaitFor { signal: wait.signal.value.clone(), up_to: wait.up_to.get() });
    }
    if let Some(wait) = &step.wait {
        return Some(Doing::Wait(wait.get()));
    }
    step.branch.as_ref().map(|arms| branch(lint, &step.id, arms, earlier))
}

/// A prompt's name; whether the prompt exists is for whoever has the prompts to say.
fn named(lint: &mut Lint<'_>, prompt: &Spanned<String>) -> String {
    if !super::is_kebab(prompt) {
        lint.error(prompt, "name of the prompt is not in kebab-case", None);
    }
    prompt.value.clone()
}
