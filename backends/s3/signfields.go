package s3

import (
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
)

// tagging is tags as XML: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Tagging.html.
type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Tags    []tag    `xml:"TagSet>Tag"`
}

type tag struct {
	Name  string `xml:"Key"`
	Value string `xml:"Value"`
}

// taggingDocument is tags as the field of a form.
func taggingDocument(tags map[string]string) (string, error) {
	if len(tags) == 0 {
		return "", nil
	}
	var set tagging
	for _, name := range sortedNames(tags) {
		set.Tags = append(set.Tags, tag{Name: name, Value: tags[name]})
	}
	document, err := xml.Marshal(set)
	if err != nil {
		return "", fmt.Errorf("tags: %w", err)
	}
	return string(document), nil
}

func sortedNames(of map[string]string) []string { return slices.Sorted(maps.Keys(of)) }
