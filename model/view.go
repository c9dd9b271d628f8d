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

// NumViews is the number of views.
const NumViews = 4

// Views returns all views in the order in which they are listed everywhere.
func Views() [NumViews]View { return [4]View{Original, QA, Summary, Purpose} }

// InternalizerViews returns the views that an internalizer makes, in the order
// of Internalizers.
func InternalizerViews() [NumViews - 1]View { return [3]View{QA, Summary, Purpose} }
