package netguard

import "fmt"

// Reason is why something was refused.
type Reason string

// The reasons. All but ReasonAddress and ReasonRedirect can be read from the URL itself.
const (
	ReasonURL         Reason = "url"         // it is no absolute URL with a host
	ReasonScheme      Reason = "scheme"      // neither http nor https
	ReasonCredentials Reason = "credentials" // it has a user name or a password
	ReasonPort        Reason = "port"        // a port that is not on the list
	ReasonHost        Reason = "host"        // no host name, or one that is not on the list
	ReasonAddress     Reason = "address"     // an address that may not be called
	ReasonRedirect    Reason = "redirect"    // too many redirects, or one from https to http
)

// Refusal says that something may not be called. Its text names addresses inside of the
// network: it is for logs, and not for whoever sent the URL.
type Refusal struct {
	Reason Reason
	text   string
}

// Error says what was refused and why, for logs.
func (e *Refusal) Error() string { return "refused to call: " + e.text }

func refuse(why Reason, format string, args ...any) *Refusal {
	return &Refusal{why, fmt.Sprintf(format, args...)}
}
