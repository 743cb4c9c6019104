#include "init/services/times.h"

#include "init/services/supervisor.h"
#include "lib/console.h"
#include "lib/fields.h"

void times_note(uint64_t *first)
{
	if (*first == 0)
		*first = console_now_ms();
}

/* The key is the whole one for the boot's times, else its part behind the service's name. */
static const struct {
	const char *key;
	size_t offset;
} of_boot[] =
	{
		{"t_manager", offsetof(struct boot_times, manager)},
		{"t_system_docker", offsetof(struct boot_times, system_docker)},
		{"t_user_docker", offsetof(struct boot_times, user_docker)},
},
  of_service[] = {
	  {"t_create", offsetof(struct service_times, create)},
	  {"t_start", offsetof(struct service_times, start)},
	  {"t_running", offsetof(struct service_times, running)},
};

enum {
	OF_BOOT = sizeof(of_boot) / sizeof(of_boot[0]),
	OF_SERVICE = sizeof(of_service) / sizeof(of_service[0]),
	KEY_SIZE = 96,
};

static void print(FILE *out, const char *key, const void *times, size_t offset)
{
	uint64_t time = *(const uint64_t *)(const void *)((const char *)times + offset);

	if (time > 0)
		fprintf(out, "%s=%llu\n", key, (unsigned long long)time);
}

static void restore(const struct fields *before, const char *key, void *times, size_t offset)
{
	uint64_t *time = (uint64_t *)(void *)((char *)times + offset);

	*time = fields_get_number(before, key, *time);
}

static void service_key(const struct service *service, const char *key, char out[KEY_SIZE])
{
	snprintf(out, KEY_SIZE, "service.%s.%s", service->spec->name, key);
}

void times_print(FILE *out, const struct supervisor *supervisor)
{
	char key[KEY_SIZE];

	for (size_t i = 0; i < OF_BOOT; i++)
		print(out, of_boot[i].key, &supervisor->times, of_boot[i].offset);
	for (size_t s = 0; s < supervisor->count; s++) {
		const struct service *service = &supervisor->services[s];

		for (size_t i = 0; i < OF_SERVICE; i++) {
			service_key(service, of_service[i].key, key);
			print(out, key, &service->times, of_service[i].offset);
		}
	}
}

void times_restore(struct supervisor *supervisor, const struct fields *before)
{
	char key[KEY_SIZE];

	for (size_t i = 0; i < OF_BOOT; i++)
		restore(before, of_boot[i].key, &supervisor->times, of_boot[i].offset);
	for (size_t s = 0; s < supervisor->count; s++) {
		struct service *service = &supervisor->services[s];

		for (size_t i = 0; i < OF_SERVICE; i++) {
			service_key(service, of_service[i].key, key);
			restore(before, key, &service->times, of_service[i].offset);
		}
	}
}
