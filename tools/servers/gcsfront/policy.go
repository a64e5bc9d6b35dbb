package gcsfront

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// policy is a signed document that says what a form may hold
// (https://cloud.google.com/storage/docs/authentication/signatures#policy-document).
type policy struct {
	Expiration string            `json:"expiration"`
	Conditions []json.RawMessage `json:"conditions"`
}

// rule is one condition of a policy.
type rule struct {
	operator    string // "eq", "starts-with" or "content-length-range"
	field       string // in lower case
	value       string
	least, most int64
}

// checkPolicy checks a form: the signature of its policy, the time, each condition, and that each field has one.
func (f *Front) checkPolicy(bucket string, posted *form) *refusal {
	fields := posted.fields
	document, err := base64.StdEncoding.DecodeString(fields["policy"])
	switch {
	case fields["policy"] == "":
		return refuse(http.StatusForbidden, "AccessDenied", "Anonymous caller does not have storage.objects.create access.")
	case err != nil:
		return refuse(http.StatusBadRequest, "InvalidPolicyDocument", "The policy document is not base64.")
	case !f.signedBy(fields["x-goog-algorithm"], fields["x-goog-credential"], fields["x-goog-date"],
		fields["policy"], fields["x-goog-signature"]):
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "The signature of the policy is not that of the account.")
	}
	var p policy
	if err := json.Unmarshal(document, &p); err != nil {
		return refuse(http.StatusBadRequest, "InvalidPolicyDocument", "The policy document is not JSON.")
	}
	expiration, err := time.Parse(time.RFC3339, p.Expiration)
	switch {
	case err != nil:
		return refuse(http.StatusBadRequest, "InvalidPolicyDocument", "The expiration of the policy is no time.")
	case f.Now().After(expiration):
		return refuse(http.StatusBadRequest, "ExpiredToken", "The provided token has expired: the policy ended at %s.", p.Expiration)
	}
	return p.check(bucket, posted)
}

func (p policy) check(bucket string, posted *form) *refusal {
	listed := []string{"policy", "x-goog-signature"}
	for _, text := range p.Conditions {
		c, err := parseRule(text)
		if err != nil {
			return refuse(http.StatusBadRequest, "InvalidPolicyDocument", "%v", err)
		}
		if refused := c.check(bucket, posted); refused != nil {
			return refused
		}
		if c.field != "" {
			listed = append(listed, c.field)
		}
	}
	if !slices.Contains(listed, "bucket") || !slices.Contains(listed, "key") {
		return refuse(http.StatusBadRequest, "InvalidPolicyDocument", "The policy must have conditions for bucket and key.")
	}
	for name := range posted.fields {
		if !slices.Contains(listed, name) && !strings.HasPrefix(name, "x-ignore-") {
			return refuse(http.StatusBadRequest, "InvalidPolicyDocument", "The policy lists no condition for the field %s.", name)
		}
	}
	return nil
}

func (c rule) check(bucket string, posted *form) *refusal {
	if c.operator == "content-length-range" {
		return checkLength(fmt.Sprintf("%d,%d", c.least, c.most), int64(len(posted.content)))
	}
	value, found := posted.fields[c.field]
	if c.field == "bucket" {
		value, found = bucket, true
	}
	good := found && value == c.value
	if c.operator == "starts-with" {
		good = found && strings.HasPrefix(value, c.value)
	}
	if !good {
		return refuse(http.StatusBadRequest, "InvalidPolicyDocument",
			"The form does not meet the condition [%s, $%s, %s] of the policy.", c.operator, c.field, c.value)
	}
	return nil
}

// parseRule parses {"field": "value"}, ["eq", "$field", "value"], ["starts-with", "$field", "value"] and
// ["content-length-range", least, most].
func parseRule(text json.RawMessage) (rule, error) {
	var exact map[string]string
	if json.Unmarshal(text, &exact) == nil && len(exact) == 1 {
		for field, value := range exact {
			return rule{operator: "eq", field: strings.ToLower(field), value: value}, nil
		}
	}
	var list []any
	if json.Unmarshal(text, &list) != nil || len(list) != 3 {
		return rule{}, fmt.Errorf("not a condition: %s", text)
	}
	operator, _ := list[0].(string)
	if operator == "content-length-range" {
		least, err := number(list[1])
		most, err2 := number(list[2])
		return rule{operator: operator, least: least, most: most}, errors.Join(err, err2)
	}
	field, isField := strings.CutPrefix(fmt.Sprint(list[1]), "$")
	value, isText := list[2].(string)
	if operator != "eq" && operator != "starts-with" || !isField || !isText {
		return rule{}, fmt.Errorf("not a condition: %s", text)
	}
	return rule{operator: operator, field: strings.ToLower(field), value: value}, nil
}

// number takes a number or its digits.
func number(value any) (int64, error) {
	switch value := value.(type) {
	case float64:
		return int64(value), nil
	case string:
		return strconv.ParseInt(value, 10, 64)
	}
	return 0, fmt.Errorf("not a number: %v", value)
}
