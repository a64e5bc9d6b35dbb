// Package neterror says what kind of network failure an error is, by the types in its tree and never by its text.
package neterror

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// Class is a kind of network failure.
type Class int

// The classes. An error that has several is of the first in this order.
const (
	None    Class = iota // no failure of the network, or an ended context
	DNS                  // the name could not be resolved
	TLS                  // no agreement on encryption or on who the other side is: retrying does not help
	Timeout              // no answer in time
	Refused              // no connection was made: refused, or no route
	Broken               // the connection ended early: reset, unexpected end, closed
	Other                // a failure of the network or of net/http of another kind
)

// String returns the name of the class in lower case.
func (c Class) String() string {
	names := [...]string{"none", "dns", "tls", "timeout", "refused", "broken", "other"}
	if c < 0 || int(c) >= len(names) {
		return "unknown"
	}
	return names[c]
}

// Classify returns the class of err.
//
// [context.Canceled] and [context.DeadlineExceeded] are None: the caller gave up, the network did not fail. While a
// connection is being made package net reports the end of a context as a time-out of its own that cannot be told from
// another, so a caller should ask its context first.
//
// What net/http reports without a type, as "http: server closed idle connection", is Other, since the client puts a
// [net.Error] around it; without that it is None.
func Classify(err error) Class {
	switch {
	case err == nil, Ended(err):
		return None
	case has[*net.DNSError](err):
		return DNS
	case isTLS(err):
		return TLS
	case anyOf(err, timedOut):
		return Timeout
	case isAnyOf(err, syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH), anyOf(err, dialled):
		return Refused
	case isAnyOf(err, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, io.ErrUnexpectedEOF, io.EOF, net.ErrClosed):
		return Broken
	case has[net.Error](err):
		return Other
	}
	return None
}

// Transient reports whether the same request may succeed if it is made again soon: after every failure of the network
// but a failed agreement on encryption and a name that does not exist. It does not say whether repeating is safe.
func Transient(err error) bool {
	switch Classify(err) {
	case None, TLS:
		return false
	case DNS:
		var lookup *net.DNSError
		return errors.As(err, &lookup) && !lookup.IsNotFound
	default:
		return true
	}
}

// Ended reports whether err is of an ended context. Time-outs of package net and of [http.Client] say that they are
// context.DeadlineExceeded although they are not, so that is compared by identity.
func Ended(err error) bool {
	return errors.Is(err, context.Canceled) ||
		anyOf(err, func(e error) bool { return e == context.DeadlineExceeded }) //nolint:errorlint // see above
}

// isTLS looks for what crypto/tls and crypto/x509 return. An alert has a type that is not exported; it comes in a
// [net.OpError] whose Op only crypto/tls uses.
func isTLS(err error) bool {
	return has[*tls.CertificateVerificationError](err) || has[tls.RecordHeaderError](err) || has[tls.AlertError](err) ||
		has[*tls.ECHRejectionError](err) || has[x509.UnknownAuthorityError](err) || has[x509.HostnameError](err) ||
		has[x509.CertificateInvalidError](err) || has[x509.SystemRootsError](err) ||
		has[x509.ConstraintViolationError](err) || has[x509.InsecureAlgorithmError](err) ||
		has[x509.UnhandledCriticalExtension](err) || errors.Is(err, http.ErrSchemeMismatch) || anyOf(err, alerted)
}

func alerted(err error) bool {
	op, ok := err.(*net.OpError) //nolint:errorlint // anyOf unwraps
	return ok && (op.Op == "remote error" || op.Op == "local error")
}

func dialled(err error) bool {
	op, ok := err.(*net.OpError) //nolint:errorlint // anyOf unwraps
	return ok && op.Op == "dial"
}

func timedOut(err error) bool {
	timeout, ok := err.(interface{ Timeout() bool }) //nolint:errorlint // anyOf unwraps
	return ok && timeout.Timeout() || errors.Is(err, os.ErrDeadlineExceeded)
}

func has[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

func isAnyOf(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// anyOf reports whether an error in the tree of err satisfies the condition.
func anyOf(err error, condition func(error) bool) bool {
	if err == nil {
		return false
	}
	if condition(err) {
		return true
	}
	switch wrapper := err.(type) { //nolint:errorlint // this is what unwraps
	case interface{ Unwrap() error }:
		return anyOf(wrapper.Unwrap(), condition)
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			if anyOf(inner, condition) {
				return true
			}
		}
	}
	return false
}
