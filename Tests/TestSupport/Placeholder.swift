// The first file of this target comes with its module.
