package s3

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/dossier-go/dossier"
)

// meaning is what error codes of the API, or statuses without a telling code, stand for.
type meaning struct {
	codes     []string
	statuses  []int
	kind      error
	retryable bool
	also      error  // joined with the cause
	hint      string // what to do
}

// codes of Amazon S3 ("Error responses" of its API reference) and of compatible servers.
func codes() []meaning { return slices.Concat(objectCodes(), callerCodes(), serviceCodes()) }

// objectCodes are about the object and the request.
func objectCodes() []meaning {
	return []meaning{
		{codes: []string{"NoSuchBucket"}, kind: dossier.ErrNoContainer},
		{codes: []string{"NoSuchKey", "NoSuchVersion", "NoSuchUpload"}, kind: dossier.ErrNotExist},
		{codes: []string{"PreconditionFailed"}, kind: dossier.ErrPrecondition},
		{codes: []string{"ConditionalRequestConflict", "OperationAborted"}, kind: dossier.ErrConflict, retryable: true},
		{
			codes: []string{
				"ExistingObjectIsDirectory", "ExistingObjectIsFile", "ObjectParentIsFile", "DirectoryObjectContainsData",
				"XMinioObjectExistsAsDirectory", "XMinioParentIsObject", "ObjectExistsAsDirectory", "ParentIsObject",
			},
			kind: dossier.ErrConflict, hint: "on this server a key cannot go on after another object's",
		},
		{codes: []string{"InvalidRange"}, kind: dossier.ErrRange},
		{
			codes: []string{"InvalidObjectState"}, kind: dossier.ErrUnavailable,
			hint: "the object is archived; restore it first",
		},
		{
			codes: []string{"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"},
			kind:  dossier.ErrChecksum,
		},
		{codes: []string{"EntityTooLarge"}, kind: dossier.ErrTooLarge},
		{codes: []string{"KeyTooLongError", "XMinioInvalidObjectName"}, kind: dossier.ErrInvalidKey},
		{
			codes: []string{
				"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "InvalidArgument", "InvalidRequest", "MetadataTooLarge",
				"InvalidStorageClass", "InvalidTag", "InvalidBucketName", "KMS.NotFoundException", "InvalidEncryptionAlgorithmError",
			},
			kind: dossier.ErrInvalid,
		},
	}
}

// callerCodes are about who asks.
func callerCodes() []meaning {
	return []meaning{
		{
			codes: []string{"AccessDenied", "AllAccessDisabled", "AccountProblem", "ObjectLocked", "KMS.AccessDeniedException"},
			kind:  dossier.ErrPermission,
		},
		{
			codes: []string{"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"},
			kind:  dossier.ErrUnauthenticated, also: dossier.ErrExpired, hint: "the temporary credentials are past their time",
		},
		{
			codes: []string{"RequestTimeTooSkewed"}, kind: dossier.ErrUnauthenticated,
			hint: "the clocks of this machine and the server differ too much; set the clock",
		},
		{
			codes: []string{
				"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "XAdminUserNotFound", "AuthFailure", "InvalidSecurity",
				"InvalidClientTokenId", "UnrecognizedClientException", "NotSignedUp", "MissingSecurityHeader",
			},
			kind: dossier.ErrUnauthenticated,
		},
	}
}

// serviceCodes are about the service, or which one was asked.
func serviceCodes() []meaning {
	return []meaning{
		{
			codes: []string{
				"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException",
				"MovedPermanently",
			},
			kind: dossier.ErrInvalid, hint: regionHint,
		},
		{
			codes: []string{
				"SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "ThrottlingException", "TooManyRequests",
				"RequestLimitExceeded", "BandwidthLimitExceeded", "KMS.ThrottlingException",
			},
			kind: dossier.ErrThrottled, retryable: true,
		},
		{codes: []string{"RequestTimeout", "InternalError", "IncompleteBody"}, kind: dossier.ErrUnavailable, retryable: true},
		{codes: []string{"NotImplemented", "MethodNotAllowed", "NotSupported"}, kind: errors.ErrUnsupported},
	}
}

// statuses of answers whose code says nothing, as those to HEAD, which have no body.
func statuses() []meaning {
	return []meaning{
		{statuses: []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect},
			kind: dossier.ErrInvalid, hint: regionHint},
		{statuses: []int{http.StatusNotModified}, kind: dossier.ErrNotModified},
		{statuses: []int{http.StatusUnauthorized}, kind: dossier.ErrUnauthenticated},
		{statuses: []int{http.StatusForbidden}, kind: dossier.ErrPermission},
		{statuses: []int{http.StatusPreconditionFailed}, kind: dossier.ErrPrecondition},
		{statuses: []int{http.StatusConflict}, kind: dossier.ErrConflict},
		{statuses: []int{http.StatusRequestedRangeNotSatisfiable}, kind: dossier.ErrRange},
		{statuses: []int{http.StatusRequestEntityTooLarge}, kind: dossier.ErrTooLarge},
		{statuses: []int{http.StatusMethodNotAllowed, http.StatusNotImplemented}, kind: errors.ErrUnsupported},
		{statuses: []int{http.StatusTooManyRequests}, kind: dossier.ErrThrottled, retryable: true},
	}
}

// regionHint stands for a text that is made from the answer.
const regionHint = "region"

// apply completes the error and returns its kind.
func (m meaning) apply(e *dossier.Error, err error) error {
	e.Retryable = m.retryable
	hint := m.hint
	if hint == regionHint {
		hint = "the bucket is in another region or behind another endpoint; set the right one"
		if region := regionOf(err); region != "" {
			hint = fmt.Sprintf("the bucket is in the region %q; open it with that region", region)
		}
	}
	switch {
	case m.also != nil:
		e.Err = fmt.Errorf("%s (%w): %w", hint, m.also, err)
	case hint != "":
		e.Err = fmt.Errorf("%s: %w", hint, err)
	}
	return m.kind
}
