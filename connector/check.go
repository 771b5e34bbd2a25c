package connector

import "context"

// Step tries one step and reports it. What try returns is the detail of a success.
func Step(report func(Check), name string, try func() (string, error)) bool {
	detail, err := try()
	if err != nil {
		detail = "Something went wrong on our side."
		if explained := AsError(err); explained != nil {
			detail = explained.Message
		} else if err == context.Canceled || err == context.DeadlineExceeded {
			detail = "The check took too long and was ended."
		}
	}
	report(Check{Name: name, OK: err == nil, Detail: detail})
	return err == nil
}
