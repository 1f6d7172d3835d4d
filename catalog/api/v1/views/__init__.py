"""The native REST, a file for each subject: a view translates in, makes one call, translates out."""
