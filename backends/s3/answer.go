package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	smithyxml "github.com/aws/smithy-go/encoding/xml"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dossier-go/dossier"
)

// results says of which operations the answer is a document whose root is named after a result. The SDK takes an empty
// answer, and that of a proxy, for a success in which nothing is said.
func results(operation string) bool {
	switch operation {
	case "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObjects", "ListMultipartUploads",
		"ListObjectsV2", "ListParts", "UploadPartCopy":
		return true
	}
	return false
}

// answered refuses an answer of success that is not the one to the operation.
func answered(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	response, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok || response.StatusCode >= http.StatusMultipleChoices || !results(awsmiddleware.GetOperationName(ctx)) {
		return out, metadata, err
	}
	var seen bytes.Buffer
	root, err := smithyxml.FetchRootElement(xml.NewDecoder(io.TeeReader(response.Body, &seen)))
	if err != nil || !strings.HasSuffix(root.Name.Local, "Result") {
		return out, metadata, fmt.Errorf("%w: the answer %d does not come from the object store, or was cut off",
			dossier.ErrUnavailable, response.StatusCode)
	}
	response.Body = rewound{io.MultiReader(&seen, response.Body), response.Body}
	return out, metadata, nil
}

// rewound is a body that is read from its beginning again.
type rewound struct {
	io.Reader
	io.Closer
}
