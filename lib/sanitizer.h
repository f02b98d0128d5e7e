/*
 * sanitizer.h - whether this is compiled with a sanitizer, which gcc and clang tell each in its
 * way.
 */
#ifndef MQCI_SANITIZER_H
#define MQCI_SANITIZER_H

#if defined(__has_feature)
#define MQCI_HAS_FEATURE(name) __has_feature(name)
#else
#define MQCI_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || MQCI_HAS_FEATURE(address_sanitizer)
#define MQCI_ADDRESS_SANITIZER 1
#else
#define MQCI_ADDRESS_SANITIZER 0
#endif

#if defined(__SANITIZE_THREAD__) || MQCI_HAS_FEATURE(thread_sanitizer)
#define MQCI_THREAD_SANITIZER 1
#else
#define MQCI_THREAD_SANITIZER 0
#endif

#endif
