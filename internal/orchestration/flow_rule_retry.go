package orchestration

// retryFailedFlows schedules another attempt in place of a failure, as long as the run has
// retries left (flows contract §4.4.15). The run count includes the attempt that failed,
// and all reruns of the run. Attempts that continued after a pause consume no retry,
// other than in Prefect (flows contract §9.7).
var retryFailedFlows = Rule[FlowRunFacts]{
	Name:     "RetryFailedFlows",
	From:     []StateType{Running},
	To:       []StateType{Failed},
	Evaluate: evaluateFlowRetry,
}

func evaluateFlowRetry(f FlowRunFacts) Verdict {
	if f.Retries == nil || f.Progress.attempts() > *f.Retries {
		marks := f.Progress.marks()
		marks.RetryType = "" // a rerun that is not a retry can follow
		return marked(marks)
	}
	retry := f.newState(Scheduled, NameAwaitingRetry)
	retry.Message, retry.Data = f.Proposed.Message, f.Proposed.Data
	var delay int64
	if f.RetryDelay != nil {
		delay = *f.RetryDelay
	}
	retry.Details.ScheduledTime = new(addSeconds(f.Now, float64(delay)))
	v := reject(retry, "Retrying")
	v.FlowRun = &FlowRunEdits{Marks: &FlowRunMarks{RetryType: RetryInProcess}}
	return v
}
