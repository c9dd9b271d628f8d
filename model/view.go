package model

// A View names one embedding of a document.
type View string

// The views: the document itself, and what each internalizer makes of it.
const (
	Original View = "original"
	QA       View = "qa"
	Summary  View = "summary"
	Purpose  View = "purpose"
)

// Views returns all views in the order in which they are listed everywhere.
func Views() [4]View { return [4]View{Original, QA, Summary, Purpose} }

// InternalizerViews returns the views that an internalizer makes, in the order
// of Internalizers.
func InternalizerViews() [3]View { return [3]View{QA, Summary, Purpose} }
