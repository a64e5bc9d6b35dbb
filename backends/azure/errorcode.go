package azure

import (
	"errors"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/dossier-go/dossier"
)

// kindsOfCodes are the codes of the service that mean one thing in every operation. See "Blob service error codes" and
// "Common REST API error codes" of the service's reference.
var kindsOfCodes = map[bloberror.Code]error{
	bloberror.BlobNotFound:           dossier.ErrNotExist,
	bloberror.ContainerNotFound:      dossier.ErrNoContainer,
	bloberror.ContainerBeingDeleted:  dossier.ErrNoContainer,
	bloberror.ContainerDisabled:      dossier.ErrNoContainer,
	bloberror.BlobAlreadyExists:      dossier.ErrExist,
	bloberror.ConditionNotMet:        dossier.ErrPrecondition,
	bloberror.TargetConditionNotMet:  dossier.ErrPrecondition,
	bloberror.SourceConditionNotMet:  dossier.ErrPrecondition,
	bloberror.InvalidRange:           dossier.ErrRange,
	bloberror.MD5Mismatch:            dossier.ErrChecksum,
	bloberror.CRC64Mismatch:          dossier.ErrChecksum,
	bloberror.RequestBodyTooLarge:    dossier.ErrTooLarge,
	bloberror.BlockListTooLong:       dossier.ErrTooLarge,
	bloberror.BlockCountExceedsLimit: dossier.ErrTooLarge,

	bloberror.LeaseIDMissing:                    dossier.ErrConflict,
	bloberror.LeaseAlreadyPresent:               dossier.ErrConflict,
	bloberror.LeaseIDMismatchWithBlobOperation:  dossier.ErrConflict,
	bloberror.LeaseIDMismatchWithLeaseOperation: dossier.ErrConflict,
	bloberror.LeaseLost:                         dossier.ErrConflict,
	bloberror.LeaseNotPresentWithBlobOperation:  dossier.ErrConflict,
	bloberror.InvalidBlockList:                  dossier.ErrConflict,
	bloberror.InvalidBlobOrBlock:                dossier.ErrConflict,
	bloberror.InvalidBlobType:                   dossier.ErrConflict,
	bloberror.SnapshotsPresent:                  dossier.ErrConflict,
	bloberror.PendingCopyOperation:              dossier.ErrConflict,
	bloberror.BlobArchived:                      dossier.ErrConflict,
	bloberror.BlobBeingRehydrated:               dossier.ErrConflict,

	bloberror.AuthenticationFailed:             dossier.ErrUnauthenticated,
	bloberror.InvalidAuthenticationInfo:        dossier.ErrUnauthenticated,
	bloberror.NoAuthenticationInformation:      dossier.ErrUnauthenticated,
	bloberror.BlobImmutableDueToPolicy:         dossier.ErrPermission,
	bloberror.UnauthorizedBlobOverwrite:        dossier.ErrPermission,
	bloberror.AccountIsDisabled:                dossier.ErrPermission,
	bloberror.ResourceNotFound:                 dossier.ErrPermission,
	bloberror.Code("PublicAccessNotPermitted"): dossier.ErrPermission,

	bloberror.ServerBusy:                  dossier.ErrThrottled,
	bloberror.OperationTimedOut:           dossier.ErrUnavailable,
	bloberror.InternalError:               dossier.ErrUnavailable,
	bloberror.Code("FeatureNotSupported"): errors.ErrUnsupported,
	bloberror.Code("APINotImplemented"):   errors.ErrUnsupported,
	bloberror.Code("FeatureNotYetSupportedForHierarchicalNamespaceAccounts"): errors.ErrUnsupported,
}

// hints say what to do about codes whose names do not.
var hints = map[string]string{
	string(bloberror.LeaseIDMissing):           "somebody holds a lease on the object; wait for its end or break it",
	string(bloberror.InvalidBlockList):         "another writer of this key discarded the blocks; write again",
	string(bloberror.SnapshotsPresent):         "the object has snapshots; delete them first",
	string(bloberror.BlobArchived):             "the object is in the archive tier; rehydrate it first",
	string(bloberror.InvalidBlobType):          "there is an append or page blob under this key",
	string(bloberror.ResourceNotFound):         "it is missing, or may not be read without credentials",
	string(bloberror.BlobImmutableDueToPolicy): "an immutability policy or legal hold protects the object",
}

// kindOfCode returns the kind of an answer. A status without a known code is never taken for absence.
func kindOfCode(code string, status int) error {
	if kind, known := kindsOfCodes[bloberror.Code(code)]; known {
		return kind
	}
	switch {
	case status == http.StatusUnauthorized:
		return dossier.ErrUnauthenticated
	case status == http.StatusForbidden:
		return dossier.ErrPermission
	case status == http.StatusPreconditionFailed:
		return dossier.ErrPrecondition
	case status == http.StatusConflict:
		return dossier.ErrConflict
	case status == http.StatusRequestedRangeNotSatisfiable:
		return dossier.ErrRange
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return dossier.ErrThrottled
	case status == http.StatusNotImplemented:
		return errors.ErrUnsupported
	case status >= http.StatusInternalServerError || status == http.StatusRequestTimeout:
		return dossier.ErrUnavailable
	case status >= http.StatusBadRequest && status != http.StatusNotFound:
		return dossier.ErrInvalid
	}
	return nil
}

// answerOf returns what the service answered, or nil.
func answerOf(err error) *azcore.ResponseError {
	var answer *azcore.ResponseError
	errors.As(err, &answer)
	return answer
}

// hasCode reports whether the service answered with one of the codes.
func hasCode(err error, codes ...bloberror.Code) bool { return bloberror.HasCode(err, codes...) }
